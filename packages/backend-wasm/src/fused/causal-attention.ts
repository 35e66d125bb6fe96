import { type AttentionInputs, attentionInputs, inputsOf, type TakeInput } from '@moect/kernels';
import type { TensorInfo } from '@tensorflow/tfjs-core';
import type { MoectWasmBackend } from '../backend.ts';
import { OP } from '../generated/wasm-ops.ts';
import { registerWasmKernel, type WasmKernelCall } from '../kernel.ts';
import { floatBits } from '../layout.ts';
import { withTemporary } from './scratch.ts';

/** Room of one thread for the scores of one query. */
const MAX_DIRECT_KEYS = 262_000;
/** Below this many queries keys and values are read in place, not packed. */
const FEW_QUERIES = 8;

/** Scale as float bits. */
type Problem = AttentionInputs;

function problemOf(kernelName: string, call: WasmKernelCall, take: TakeInput): Problem {
  const inputs = attentionInputs(kernelName, call, take);
  return { ...inputs, scale: floatBits(inputs.scale) };
}

/** Upper bound of the floats of a packed tensor: both its sizes rounded up to whole panels (4 or 6 rows). */
function packedBytes(p: Problem): number {
  return 4 * p.batch * p.keyHeads * (p.keys + 5) * (p.headDim + 5);
}

function pack(
  backend: MoectWasmBackend,
  p: Problem,
  source: TensorInfo,
  to: number,
  transposed: 0 | 1,
): void {
  const { runtime } = backend;
  const args = [backend.pointer(source), to, p.batch, p.keys, p.keyHeads, p.headDim, transposed];
  runtime.dispatch(OP.ATTENTION_PACK, args, runtime.chunks(p.batch * p.keyHeads, p.keys * p.headDim));
}

function attention(call: WasmKernelCall): TensorInfo[] {
  const { backend } = call;
  const { runtime } = backend;
  const p = problemOf('MoectCausalAttention', call, inputsOf('MoectCausalAttention', call));
  const out = backend.output(p.q.shape, 'float32');
  const logsumexp = backend.output([p.batch, p.heads, p.time], 'float32');
  const pointers = (k: number, v: number): number[] => [
    ...[backend.pointer(p.q), k, v, backend.pointer(p.queryDocumentIds), backend.pointer(p.keyDocumentIds)],
    ...[out.pointer, logsumexp.pointer],
    ...[p.batch, p.time, p.keys, p.heads, p.keyHeads, p.headDim, p.window, p.scale],
  ];
  if (p.time < FEW_QUERIES && p.keys <= MAX_DIRECT_KEYS) {
    const units = p.batch * p.heads * p.time;
    const args = pointers(backend.pointer(p.k), backend.pointer(p.v));
    runtime.dispatch(OP.ATTENTION_DIRECT, args, runtime.chunks(units, p.keys * p.headDim));
    return [out.info, logsumexp.info];
  }
  const size = packedBytes(p);
  withTemporary(backend, 2 * size, (packed) => {
    pack(backend, p, p.k, packed, 0);
    pack(backend, p, p.v, packed + size, 1);
    const units = p.batch * p.heads * Math.ceil(p.time / 8);
    const args = pointers(packed, packed + size);
    runtime.dispatch(OP.ATTENTION, args, runtime.chunks(units, p.keys * p.headDim * 2));
  });
  return [out.info, logsumexp.info];
}

function attentionGrad(call: WasmKernelCall): TensorInfo[] {
  const { backend } = call;
  const { runtime } = backend;
  const take = inputsOf('MoectCausalAttentionGrad', call);
  const p = problemOf('MoectCausalAttentionGrad', call, take);
  const out = take('out', 'float32', p.q.shape);
  const logsumexp = take('logsumexp', 'float32', [p.batch, p.heads, p.time]);
  const dout = take('dout', 'float32', p.q.shape);
  const [dq, dk, dv] = [p.q, p.k, p.v].map((info) => backend.output(info.shape, 'float32'));
  const size = packedBytes(p);
  withTemporary(backend, 3 * size, (packed) => {
    pack(backend, p, p.k, packed, 0);
    pack(backend, p, p.v, packed + size, 0);
    pack(backend, p, p.k, packed + 2 * size, 1);
    const units = p.batch * p.keyHeads;
    const args = [
      ...[backend.pointer(p.q), backend.pointer(p.k), backend.pointer(p.v)],
      ...[packed, packed + size, packed + 2 * size],
      ...[backend.pointer(p.queryDocumentIds), backend.pointer(p.keyDocumentIds)],
      ...[backend.pointer(out), backend.pointer(logsumexp), backend.pointer(dout)],
      ...[dq!.pointer, dk!.pointer, dv!.pointer],
      ...[p.batch, p.time, p.keys, p.heads, p.keyHeads, p.headDim, p.window, p.scale],
    ];
    runtime.dispatch(OP.ATTENTION_GRAD, args, runtime.chunks(units, p.keys * p.headDim * p.time));
  });
  return [dq!.info, dk!.info, dv!.info];
}

/** Causal attention with grouped heads (arXiv 2305.13245), document masks and windows, and its gradient. */
export function registerCausalAttention(): void {
  registerWasmKernel('MoectCausalAttention', attention);
  registerWasmKernel('MoectCausalAttentionGrad', attentionGrad);
}
