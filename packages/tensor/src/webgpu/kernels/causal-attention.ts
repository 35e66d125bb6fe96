import type { TensorInfo } from '@tensorflow/tfjs-core';
import { type AttentionInputs, attentionInputs } from '../../attention-inputs.ts';
import { inputsOf, type TakeInput } from '../../kernel-inputs.ts';
import type { MoectWebgpuBackend } from '../backend.ts';
import { registerWebgpuKernel, type WebgpuKernelCall } from '../kernel.ts';
import { output, runProgram, withScratch } from '../program.ts';
import { TILED } from './attention-programs.ts';
import type { AttentionPrograms } from './attention-snippets.ts';
import { IN_SUBGROUP } from './attention-subgroup.ts';

interface Problem extends Omit<AttentionInputs, 'q' | 'k' | 'v' | 'queryDocumentIds' | 'keyDocumentIds'> {
  readonly tensors: Record<'q' | 'k' | 'v' | 'queryIds' | 'keyIds', TensorInfo>;
}

function problemOf(kernelName: string, call: WebgpuKernelCall, take: TakeInput): Problem {
  const { q, k, v, queryDocumentIds, keyDocumentIds, ...rest } = attentionInputs(kernelName, call, take);
  return { tensors: { q, k, v, queryIds: queryDocumentIds, keyIds: keyDocumentIds }, ...rest };
}

const programsFor = (backend: MoectWebgpuBackend): AttentionPrograms =>
  backend.hasCheapSubgroups ? IN_SUBGROUP : TILED;

function paramsOf(p: Problem, blocks: number): Record<string, number> {
  const { time, keys, heads, keyHeads, window, scale } = p;
  return { time, keys, heads, keyHeads, window, scale, blocks };
}

function attention(call: WebgpuKernelCall): TensorInfo[] {
  const { backend } = call;
  const p = problemOf('MoectCausalAttention', call, inputsOf('MoectCausalAttention', call));
  const y = output(backend, p.tensors.q.shape);
  const logSumExps = output(backend, [p.batch, p.heads, p.time]);
  const { lanes, forward } = programsFor(backend);
  const blocks = Math.ceil(p.time / lanes);
  const groups = p.batch * p.heads * blocks;
  runProgram(backend, forward(p.headDim), groups, { ...p.tensors, y, logSumExps }, paramsOf(p, blocks));
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
    const queryBlocks = Math.ceil(p.time / lanes);
    const queryGroups = p.batch * p.heads * queryBlocks;
    const toQueries = { ...shared, y, dq: dq! };
    runProgram(backend, queryGrad(p.headDim), queryGroups, toQueries, paramsOf(p, queryBlocks));
    const keyBlocks = Math.ceil(p.keys / lanes);
    const keyGroups = p.batch * p.keyHeads * keyBlocks;
    const toKeys = { ...shared, dk: dk!, dv: dv! };
    runProgram(backend, keyGrad(p.headDim), keyGroups, toKeys, paramsOf(p, keyBlocks));
  });
  return [dq!, dk!, dv!];
}

/** Causal attention with grouped heads (arXiv 2305.13245), document masks and windows, and its gradient. */
export function registerCausalAttention(): void {
  registerWebgpuKernel('MoectCausalAttention', attention);
  registerWebgpuKernel('MoectCausalAttentionGrad', attentionGrad);
}
