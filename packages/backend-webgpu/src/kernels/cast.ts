import { sizeOf } from '@moect/kernels';
import { getKernel, type TensorInfo } from '@tensorflow/tfjs-core';
import { registerWebgpuKernel, type WebgpuKernel, type WebgpuKernelCall } from '../kernel.ts';
import { output, type Program } from '../program.ts';
import { runFlat } from './flat.ts';
import { eachElement, FLAT_LANES } from './snippets.ts';

const TO_FLOAT: Program = {
  name: 'toFloat',
  reads: { x: 'i32' },
  writes: { y: 'f32' },
  params: { size: 'i32' },
  lanes: FLAT_LANES,
  body: eachElement('p.size', 'y[i] = f32(x[i]);'),
};

/**
 * Converts integers and truth values in memory: TensorFlow.js's own kernel gives the same buffer another dtype,
 * and its other kernels use the dtype of the buffer, whereas ours use the dtype of the tensor.
 */
function cast(call: WebgpuKernelCall, stock: WebgpuKernel): TensorInfo | TensorInfo[] {
  const { backend, inputs, attrs } = call;
  const x = inputs['x']!;
  const isInteger = backend.tensorMap.get(x.dataId).dtype !== 'float32';
  if (attrs['dtype'] !== 'float32' || !isInteger || x.dtype === 'complex64') return stock(call);
  const y = output(backend, x.shape);
  runFlat(backend, TO_FLOAT, sizeOf(x.shape), { x, y });
  return y;
}

/** Casts to float32; TensorFlow.js's own kernel handles all others. */
export function registerCast(): void {
  const stock = getKernel('Cast', 'webgpu').kernelFunc as unknown as WebgpuKernel;
  registerWebgpuKernel('Cast', (call) => cast(call, stock));
}
