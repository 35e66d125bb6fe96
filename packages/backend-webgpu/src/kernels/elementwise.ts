import { sizeOf } from '@moect/kernels';
import { getKernel, type TensorInfo } from '@tensorflow/tfjs-core';
import { registerWebgpuKernel, type WebgpuKernel, type WebgpuKernelCall } from '../kernel.ts';
import { output, type Program } from '../program.ts';
import { bindable } from '../tensor-part.ts';
import { runFlat } from './flat.ts';
import { eachElement, FLAT_LANES } from './snippets.ts';

const OPERATORS = { Add: '+', Sub: '-', Multiply: '*' } as const;

const binary = (name: string, operator: string, b: string): Program => ({
  name: `${name} large ${b}`,
  reads: { a: 'f32', b: 'f32' },
  writes: { y: 'f32' },
  params: { size: 'i32' },
  lanes: FLAT_LANES,
  body: eachElement('p.size', `y[i] = a[i] ${operator} ${b};`),
});

export const ZEROS: Program = {
  name: 'zeros',
  reads: {},
  writes: { y: 'f32' },
  params: { size: 'i32' },
  lanes: FLAT_LANES,
  body: eachElement('p.size', 'y[i] = 0.0;'),
};

/** a ∘ b where a exceeds a binding, and b has its shape or one number; TensorFlow.js's own kernel does the rest. */
function largeBinary(name: keyof typeof OPERATORS): WebgpuKernel {
  const stock = getKernel(name, 'webgpu').kernelFunc as unknown as WebgpuKernel;
  const each = binary(name, OPERATORS[name], 'b[i]');
  const one = binary(name, OPERATORS[name], 'b[0]');
  return (call) => {
    const { backend, inputs } = call;
    const [a, b] = [inputs['a']!, inputs['b']!];
    const size = sizeOf(a.shape);
    const isPlain = a.dtype === 'float32' && b.dtype === 'float32';
    const isScalar = sizeOf(b.shape) === 1 && b.shape.length <= a.shape.length;
    const isSame = a.shape.join() === b.shape.join();
    if (size <= bindable(backend.limits) || !isPlain || !(isScalar || isSame)) return stock(call);
    const y = output(backend, a.shape);
    if (isSame) runFlat(backend, each, size, { a, b, y });
    else runFlat(backend, one, size, { a, y }, { b });
    return y;
  };
}

function zerosLike(call: WebgpuKernelCall, stock: WebgpuKernel): TensorInfo | TensorInfo[] {
  const { backend, inputs } = call;
  const x = inputs['x']!;
  const size = sizeOf(x.shape);
  if (size <= bindable(backend.limits) || x.dtype !== 'float32') return stock(call);
  const y = output(backend, x.shape);
  runFlat(backend, ZEROS, size, { y });
  return y;
}

/** Operations on whole weights and their gradients, which may be larger than a binding. */
export function registerElementwise(): void {
  for (const name of ['Add', 'Sub', 'Multiply'] as const) registerWebgpuKernel(name, largeBinary(name));
  const stock = getKernel('ZerosLike', 'webgpu').kernelFunc as unknown as WebgpuKernel;
  registerWebgpuKernel('ZerosLike', (call) => zerosLike(call, stock));
}
