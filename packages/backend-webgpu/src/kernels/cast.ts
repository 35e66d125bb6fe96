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
 * Integers and truth values become floats in memory too: TensorFlow.js's own kernel gives the same buffer another name,
 * and its other kernels ask the buffer what is in it; ours go by the tensor's dtype.
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

/** Conversions to float32; TensorFlow.js's own kernel has the rest. */
export function registerCast(): void {
  const stock = getKernel('Cast', 'webgpu').kernelFunc as unknown as WebgpuKernel;
  registerWebgpuKernel('Cast', (call) => cast(call, stock));
}
