import { CausalAttention, CausalAttentionGrad, checkSaved } from '@moect/kernels';
import type { TensorInfo } from '@tensorflow/tfjs-core';
import type { MoectWebgpuBackend } from '../backend.ts';
import { implement, type WebgpuCall } from '../kernel.ts';
import { output, type Program, withScratch } from '../program.ts';
import { TILED } from './attention-programs.ts';
import type { AttentionPrograms } from './attention-snippets.ts';
import { IN_SUBGROUP } from './attention-subgroup.ts';
import { type Operands, runRows } from './rows.ts';

type Problem = Pick<WebgpuCall<typeof CausalAttention>, 'inputs' | 'dims' | 'attrs'>;

/** Inputs by their names in the programs. */
function tensorsOf({ inputs }: Problem): Record<'q' | 'k' | 'v' | 'queryIds' | 'keyIds', TensorInfo> {
  const { q, k, v, queryDocumentIds, keyDocumentIds } = inputs;
  return { q, k, v, queryIds: queryDocumentIds, keyIds: keyDocumentIds };
}

const programsFor = (backend: MoectWebgpuBackend): AttentionPrograms =>
  backend.hasCheapSubgroups ? IN_SUBGROUP : TILED;

/** Runs each batch element independently, with `blocks` workgroups for each of `heads` heads. */
function runBatch(
  backend: MoectWebgpuBackend,
  program: Program,
  { dims, attrs }: Problem,
  tensors: Operands,
  [heads, blocks]: readonly [number, number],
): void {
  const { batch, time, keys, heads: queryHeads, keyHeads } = dims;
  const { window, scale, softcap } = attrs;
  const params = { time, keys, heads: queryHeads, keyHeads, window, scale, softcap, blocks };
  runRows(backend, { program, rows: batch, tensors, groups: (count) => count * heads * blocks, params });
}

function attention(call: WebgpuCall<typeof CausalAttention>): readonly [TensorInfo, TensorInfo] {
  const { backend, dims: p } = call;
  const y = output(backend, call.inputs.q.shape);
  const logSumExps = output(backend, [p.batch, p.heads, p.time]);
  const { lanes, forward } = programsFor(backend);
  const tensors = { ...tensorsOf(call), y, logSumExps };
  runBatch(backend, forward(p.headDim), call, tensors, [p.heads, Math.ceil(p.time / lanes)]);
  return [y, logSumExps];
}

function attentionGrad(
  call: WebgpuCall<typeof CausalAttentionGrad>,
): readonly [TensorInfo, TensorInfo, TensorInfo] {
  const { backend, dims: p } = call;
  const { q, k, v, out: y, saved: logSumExps, dout: dy } = call.inputs;
  checkSaved(CausalAttentionGrad.name, logSumExps, [p.batch, p.heads, p.time]);
  const [dq, dk, dv] = [q, k, v].map((info) => output(backend, info.shape));
  const { lanes, queryGrad, keyGrad } = programsFor(backend);
  withScratch(backend, Math.max(1, p.batch * p.heads * p.time), (deltas) => {
    const shared = { ...tensorsOf(call), dy, logSumExps, deltas };
    const toQueries = { ...shared, y, dq: dq! };
    runBatch(backend, queryGrad(p.headDim), call, toQueries, [p.heads, Math.ceil(p.time / lanes)]);
    const toKeys = { ...shared, dk: dk!, dv: dv! };
    runBatch(backend, keyGrad(p.headDim), call, toKeys, [p.keyHeads, Math.ceil(p.keys / lanes)]);
  });
  return [dq!, dk!, dv!];
}

/** Causal attention with grouped heads (arXiv 2305.13245), document masks and windows, and its gradient. */
export function registerCausalAttention(): void {
  implement(CausalAttention, attention);
  implement(CausalAttentionGrad, attentionGrad);
}
