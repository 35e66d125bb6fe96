import { type AttentionInputs, attentionInputs, inputsOf, type TakeInput } from '@moect/kernels';
import type { TensorInfo } from '@tensorflow/tfjs-core';
import type { MoectWebgpuBackend } from '../backend.ts';
import { registerWebgpuKernel, type WebgpuKernelCall } from '../kernel.ts';
import { output, type Program, withScratch } from '../program.ts';
import { TILED } from './attention-programs.ts';
import type { AttentionPrograms } from './attention-snippets.ts';
import { IN_SUBGROUP } from './attention-subgroup.ts';
import { type Operands, runRows } from './rows.ts';

interface Problem extends Omit<AttentionInputs, 'q' | 'k' | 'v' | 'queryDocumentIds' | 'keyDocumentIds'> {
  readonly tensors: Record<'q' | 'k' | 'v' | 'queryIds' | 'keyIds', TensorInfo>;
}

function problemOf(kernelName: string, call: WebgpuKernelCall, take: TakeInput): Problem {
  const { q, k, v, queryDocumentIds, keyDocumentIds, ...rest } = attentionInputs(kernelName, call, take);
  return { tensors: { q, k, v, queryIds: queryDocumentIds, keyIds: keyDocumentIds }, ...rest };
}

const programsFor = (backend: MoectWebgpuBackend): AttentionPrograms =>
  backend.hasCheapSubgroups ? IN_SUBGROUP : TILED;

/** Batch elements are independent; each has `blocks` workgroups for every one of so many heads. */
function runBatch(
  backend: MoectWebgpuBackend,
  program: Program,
  p: Problem,
  tensors: Operands,
  [heads, blocks]: readonly [number, number],
): void {
  const { batch, time, keys, heads: queryHeads, keyHeads, window, scale } = p;
  const params = { time, keys, heads: queryHeads, keyHeads, window, scale, blocks };
  runRows(backend, { program, rows: batch, tensors, groups: (count) => count * heads * blocks, params });
}

function attention(call: WebgpuKernelCall): TensorInfo[] {
  const { backend } = call;
  const p = problemOf('MoectCausalAttention', call, inputsOf('MoectCausalAttention', call));
  const y = output(backend, p.tensors.q.shape);
  const logSumExps = output(backend, [p.batch, p.heads, p.time]);
  const { lanes, forward } = programsFor(backend);
  const tensors = { ...p.tensors, y, logSumExps };
  runBatch(backend, forward(p.headDim), p, tensors, [p.heads, Math.ceil(p.time / lanes)]);
  return [y, logSumExps];
}

function attentionGrad(call: WebgpuKernelCall): TensorInfo[] {
  const { backend } = call;
  const take = inputsOf('MoectCausalAttentionGrad', call);
  const p = problemOf('MoectCausalAttentionGrad', call, take);
  const y = take('out', 'float32', p.tensors.q.shape);
  const logSumExps = take('logsumexp', 'float32', [p.batch, p.heads, p.time]);
  const dy = take('dout', 'float32', p.tensors.q.shape);
  const [dq, dk, dv] = [p.tensors.q, p.tensors.k, p.tensors.v].map((info) => output(backend, info.shape));
  const { lanes, queryGrad, keyGrad } = programsFor(backend);
  withScratch(backend, Math.max(1, p.batch * p.heads * p.time), (deltas) => {
    const shared = { ...p.tensors, dy, logSumExps, deltas };
    const toQueries = { ...shared, y, dq: dq! };
    runBatch(backend, queryGrad(p.headDim), p, toQueries, [p.heads, Math.ceil(p.time / lanes)]);
    const toKeys = { ...shared, dk: dk!, dv: dv! };
    runBatch(backend, keyGrad(p.headDim), p, toKeys, [p.keyHeads, Math.ceil(p.keys / lanes)]);
  });
  return [dq!, dk!, dv!];
}

/** Causal attention with grouped heads (arXiv 2305.13245), document masks and windows, and its gradient. */
export function registerCausalAttention(): void {
  registerWebgpuKernel('MoectCausalAttention', attention);
  registerWebgpuKernel('MoectCausalAttentionGrad', attentionGrad);
}
