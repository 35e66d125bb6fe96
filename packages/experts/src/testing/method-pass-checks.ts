import type { Extension } from '@moect/core';
import { createRng, dispose, tensor } from '@moect/tensor';
import { maxDifference } from '@moect/tensor/testing';
import { expect } from 'vitest';
import { batchOf, type MethodCase, passOf, withExtension } from './method-case.ts';
import { logitsOf, tokenBatch } from './passes.ts';

/** Rounding between batches of different shapes, and of experts that are equal to the base; logits are of order 1. */
const ROUNDING = 2e-5;
const LENGTHS = [1, 3, 7, 15, 31, 32, 63];

export async function checkFresh(methodCase: MethodCase): Promise<void> {
  const { base, isExactAtStart } = methodCase;
  const tokens = tokenBatch(2, 9, base.vocabSize);
  await withExtension(methodCase, 0, async (extension) => {
    const plain = await logitsOf(base, tokens);
    const extended = await logitsOf(base, tokens, passOf(extension));
    if (isExactAtStart) expect(maxDifference(extended, plain)).toBe(0);
    else expect(maxDifference(extended, plain)).toBeLessThan(ROUNDING);
  });
  tokens.dispose();
}

export async function checkCausality(methodCase: MethodCase): Promise<void> {
  const { base } = methodCase;
  const { vocabSize } = base;
  const ids = createRng(5).integers(64, vocabSize);
  await withExtension(methodCase, 0.1, async (extension) => {
    const logits = async (row: Int32Array): Promise<Float32Array> => {
      const tokens = batchOf(row);
      const values = await logitsOf(base, tokens, passOf(extension));
      tokens.dispose();
      return values;
    };
    const before = await logits(ids);
    for (const length of LENGTHS) {
      const after = await logits(ids.map((id, t) => (t < length ? id : (id + 1 + t) % vocabSize)));
      const kept = length * vocabSize;
      const moved = maxDifference(after.subarray(0, kept), before.subarray(0, kept));
      expect(moved, `logits before token ${length}`).toBeLessThan(1e-5);
      expect(maxDifference(after.subarray(kept), before.subarray(kept))).toBeGreaterThan(1e-3);
    }
  });
}

/** Rows of logits `from` … `to`. */
type Rows = (values: Float32Array, from: number, to: number) => Float32Array;

export async function checkBatch(methodCase: MethodCase): Promise<void> {
  const { base } = methodCase;
  const rows: Rows = (values, from, to) => values.subarray(from * base.vocabSize, to * base.vocabSize);
  const [long, short] = [1, 2].map((seed) => createRng(seed).integers(7 - 2 * (seed - 1), base.vocabSize));
  await withExtension(methodCase, 0.1, async (extension) => {
    const alone = async (row: Int32Array): Promise<Float32Array> => {
      const tokens = batchOf(row);
      const values = await logitsOf(base, tokens, passOf(extension));
      tokens.dispose();
      return values;
    };
    const [ofLong, ofShort] = [await alone(long!), await alone(short!)];
    const padded = await inDocuments(methodCase, extension, [
      [...long!].map((id, t) => [id, 0, t]),
      [...[...short!].map((id, t) => [id, 0, t] as const), [0, -1, 0], [0, -1, 0]],
    ]);
    expect(maxDifference(rows(padded, 0, 7), ofLong)).toBeLessThan(ROUNDING);
    expect(maxDifference(rows(padded, 7, 12), ofShort)).toBeLessThan(ROUNDING);
    const packed = await inDocuments(methodCase, extension, [
      [...[...long!].map((id, t) => [id, 0, t] as const), ...[...short!].map((id, t) => [id, 1, t] as const)],
    ]);
    expect(maxDifference(rows(packed, 0, 7), ofLong)).toBeLessThan(ROUNDING);
    expect(maxDifference(rows(packed, 7, 12), ofShort)).toBeLessThan(ROUNDING);
  });
}

/** Logits of rows of tokens, each with its document and its position. */
async function inDocuments(
  { base }: MethodCase,
  extension: Extension,
  given: readonly (readonly (readonly [token: number, document: number, position: number])[])[],
): Promise<Float32Array> {
  const column = (i: 0 | 1 | 2) => batchOf(...given.map((row) => row.map((cell) => cell[i])));
  const [tokens, documentIds, positions] = [column(0), column(1), column(2)];
  const values = await logitsOf(base, tokens, { ...passOf(extension), documentIds, positions });
  dispose([tokens, documentIds, positions]);
  return values;
}

export async function checkCache(methodCase: MethodCase): Promise<void> {
  const { base } = methodCase;
  const { vocabSize } = base;
  const whole = tokenBatch(2, 8, vocabSize);
  const ids = (await whole.data()).slice() as Int32Array;
  await withExtension(methodCase, 0.1, async (extension) => {
    const expected = await logitsOf(base, whole, passOf(extension));
    const cache = base.createCache(2);
    for (const [from, to] of [
      [0, 3],
      [3, 4],
      [4, 6],
      [6, 8],
    ] as const) {
      const part = batchOf(ids.subarray(from, to), ids.subarray(8 + from, 8 + to));
      const logits = await logitsOf(base, part, { ...passOf(extension), cache });
      const same = [0, 8].flatMap((row) => [
        ...expected.subarray((row + from) * vocabSize, (row + to) * vocabSize),
      ]);
      expect(maxDifference(logits, same), `tokens ${from} … ${to}`).toBeLessThan(ROUNDING);
      part.dispose();
    }
    cache.dispose();
  });
  whole.dispose();
}

export async function checkInferenceRng(methodCase: MethodCase): Promise<void> {
  const { base } = methodCase;
  const tokens = tokenBatch(2, 6, base.vocabSize);
  const roles = tensor([1, 1, 1, 2, 2, 2, 1, 1, 2, 2, 2, 2], [2, 6], 'int32');
  await withExtension(methodCase, 0.1, async (extension) => {
    const plain = await logitsOf(base, tokens, passOf(extension));
    const more = { rng: createRng(41), roles };
    expect(await logitsOf(base, tokens, { ...passOf(extension), ...more })).toEqual(plain);
  });
  dispose([tokens, roles]);
}
