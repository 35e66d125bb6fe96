import { CausalAttention, CausalAttentionGrad, checkSaved } from '@moect/kernels';
import type { TensorInfo } from '@tensorflow/tfjs-core';
import type { MoectWasmBackend } from '../backend.ts';
import { OP } from '../generated/wasm-ops.ts';
import { implement, type WasmCall } from '../kernel.ts';
import { floatBits } from '../layout.ts';
import { withTemporary } from './scratch.ts';

/** Most scores of one query that fit in the scratch of one thread. */
const MAX_DIRECT_KEYS = 262_000;
/** Below this many queries keys and values are read in place, not packed. */
const FEW_QUERIES = 8;

type Sizes = WasmCall<typeof CausalAttention>['dims'];

/** Arguments of the kernels after their pointers; scale and cap as float bits. */
function numbersOf({ dims: p, attrs }: WasmCall<typeof CausalAttention>): number[] {
  const { window, scale, softcap } = attrs;
  const sizes = [p.batch, p.time, p.keys, p.heads, p.keyHeads, p.headDim];
  return [...sizes, window, floatBits(scale), floatBits(softcap)];
}

/** Upper bound of the floats of a packed tensor: both its sizes rounded up to whole panels (4 or 6 rows). */
function packedBytes(p: Sizes): number {
  return 4 * p.batch * p.keyHeads * (p.keys + 5) * (p.headDim + 5);
}

function pack(backend: MoectWasmBackend, p: Sizes, source: TensorInfo, to: number, transposed: 0 | 1): void {
  const { runtime } = backend;
  const args = [backend.pointer(source), to, p.batch, p.keys, p.keyHeads, p.headDim, transposed];
  runtime.dispatch(OP.ATTENTION_PACK, args, runtime.chunks(p.batch * p.keyHeads, p.keys * p.headDim));
}

function attention(call: WasmCall<typeof CausalAttention>): readonly [TensorInfo, TensorInfo] {
  const { backend, dims: p } = call;
  const { runtime } = backend;
  const { q, queryDocumentIds, keyDocumentIds } = call.inputs;
  const out = backend.output(q.shape, 'float32');
  const logsumexp = backend.output([p.batch, p.heads, p.time], 'float32');
  const pointers = (k: number, v: number): number[] => [
    ...[backend.pointer(q), k, v, backend.pointer(queryDocumentIds), backend.pointer(keyDocumentIds)],
    ...[out.pointer, logsumexp.pointer],
    ...numbersOf(call),
  ];
  if (p.time < FEW_QUERIES && p.keys <= MAX_DIRECT_KEYS) {
    const units = p.batch * p.heads * p.time;
    const args = pointers(backend.pointer(call.inputs.k), backend.pointer(call.inputs.v));
    runtime.dispatch(OP.ATTENTION_DIRECT, args, runtime.chunks(units, p.keys * p.headDim));
    return [out.info, logsumexp.info];
  }
  const size = packedBytes(p);
  withTemporary(backend, 2 * size, (packed) => {
    pack(backend, p, call.inputs.k, packed, 0);
    pack(backend, p, call.inputs.v, packed + size, 1);
    const units = p.batch * p.heads * Math.ceil(p.time / 8);
    const args = pointers(packed, packed + size);
    runtime.dispatch(OP.ATTENTION, args, runtime.chunks(units, p.keys * p.headDim * 2));
  });
  return [out.info, logsumexp.info];
}

function attentionGrad(
  call: WasmCall<typeof CausalAttentionGrad>,
): readonly [TensorInfo, TensorInfo, TensorInfo] {
  const { backend, dims: p } = call;
  const { runtime } = backend;
  const { q, k, v, out, saved: logsumexp, dout } = call.inputs;
  checkSaved(CausalAttentionGrad.name, logsumexp, [p.batch, p.heads, p.time]);
  const [dq, dk, dv] = [q, k, v].map((info) => backend.output(info.shape, 'float32'));
  const size = packedBytes(p);
  withTemporary(backend, 3 * size, (packed) => {
    pack(backend, p, k, packed, 0);
    pack(backend, p, v, packed + size, 0);
    pack(backend, p, k, packed + 2 * size, 1);
    const units = p.batch * p.keyHeads;
    const args = [
      ...[backend.pointer(q), backend.pointer(k), backend.pointer(v)],
      ...[packed, packed + size, packed + 2 * size],
      ...[backend.pointer(call.inputs.queryDocumentIds), backend.pointer(call.inputs.keyDocumentIds)],
      ...[backend.pointer(out), backend.pointer(logsumexp), backend.pointer(dout)],
      ...[dq!.pointer, dk!.pointer, dv!.pointer],
      ...numbersOf(call),
    ];
    runtime.dispatch(OP.ATTENTION_GRAD, args, runtime.chunks(units, p.keys * p.headDim * p.time));
  });
  return [dq!.info, dk!.info, dv!.info];
}

/** Causal attention with grouped heads (arXiv 2305.13245), document masks and windows, and its gradient. */
export function registerCausalAttention(): void {
  implement(CausalAttention, attention);
  implement(CausalAttentionGrad, attentionGrad);
}
