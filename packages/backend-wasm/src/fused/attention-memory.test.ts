import * as ops from '@moect/tensor';
import { beforeAll, describe, expect, it } from 'vitest';
import type { MoectWasmBackend } from '../backend.ts';
import { startBackend } from './test-support.ts';

const [TIME, HEADS, KEY_HEADS, HEAD_DIM] = [4096, 4, 2, 16];
/** Tokens of the first document; the second one has the rest. */
const FIRST = 600;

let backend: MoectWasmBackend;
beforeAll(async () => {
  backend = await startBackend();
});

describe('causalAttention over 4,096 tokens', () => {
  it('holds no scores of time × time, forward and backward', async () => {
    const rng = ops.createRng(6);
    const make = (heads: number): ReturnType<typeof ops.tensor> =>
      ops.tensor(rng.normal(TIME * heads * HEAD_DIM), [1, TIME, heads, HEAD_DIM]);
    const [q, k, v] = [make(HEADS), make(KEY_HEADS), make(KEY_HEADS)];
    const ids = ops.tensor(
      Int32Array.from({ length: TIME }, (_, t) => (t < FIRST ? 0 : 1)),
      [1, TIME],
      'int32',
    );
    const attend = (from: number, count: number): ReturnType<typeof ops.tensor> => {
      const [q1, k1, v1] = [q, k, v].map((x) => ops.slice(x, [0, from, 0, 0], [1, count, -1, -1]));
      const own = ops.slice(ids, [0, from], [1, count]);
      return ops.causalAttention(q1!, k1!, v1!, { scale: 0.25, queryDocumentIds: own, keyDocumentIds: own });
    };
    const { allocator } = backend.runtime;
    const [start, alloc] = [allocator.liveBytes, allocator.alloc];
    let most = 0;
    allocator.alloc = (bytes) => {
      const pointer = alloc.call(allocator, bytes);
      most = Math.max(most, allocator.liveBytes - start);
      return pointer;
    };
    const named = new Map(Object.entries({ q, k, v }));
    const { value, gradients } = ops.tidy(() =>
      ops.valueAndGrads(() => ops.sum(ops.square(attend(0, TIME))), named),
    );
    allocator.alloc = alloc;
    // a tensor of one value per token, head and dimension has 1 MiB; scores of one head would have 64 MiB
    expect(most).toBeLessThan(24 * 2 ** 20);
    for (const name of named.keys()) {
      const values = await gradients.get(name)!.data();
      expect(values.every(Number.isFinite)).toBe(true);
    }
    // the second document alone, where its keys fall into other blocks
    const [whole, alone] = [attend(0, TIME), attend(FIRST, TIME - FIRST)];
    const tail = ops.slice(whole, [0, FIRST, 0, 0], [1, -1, -1, -1]);
    const [a, b] = [await tail.data(), await alone.data()];
    let off = 0;
    for (let i = 0; i < b.length; i++) off = Math.max(off, Math.abs(a[i]! - b[i]!));
    expect(off).toBeLessThan(2e-6);
    ops.dispose([q, k, v, ids, value, gradients, whole, alone, tail]);
  });
});
