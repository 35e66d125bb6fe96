import { CorruptDataError, createRng } from '@moect/core';
import { describe, expect, it } from 'vitest';
import { ngramMemory } from './ngram-memory.ts';
import { type CountedDocument, checkNgramTable, countNgrams, numbersIn } from './ngram-table.ts';

const VOCABULARY = 7;
const ALL = { contextLength: 3, maxNumbers: Number.POSITIVE_INFINITY };

const text = (...ids: number[]): CountedDocument => ({ ids, predicted: null });

/** Text with repetitions, as language has them. */
function randomText(seed: number, length: number): number[] {
  const rng = createRng(seed);
  const ids = [0];
  while (ids.length < length) {
    const [a, b] = [ids.at(-1)!, ids.at(-2) ?? 0];
    ids.push(rng.next() < 0.6 ? (a * 3 + b) % VOCABULARY : Math.floor(rng.next() * VOCABULARY));
  }
  return ids;
}

function randomModel(seed: number): Float64Array {
  const rng = createRng(seed);
  const weights = Float64Array.from({ length: VOCABULARY }, () => 0.1 + rng.next());
  const sum = weights.reduce((a, b) => a + b, 0);
  return weights.map((weight) => Math.log(weight / sum));
}

const occurrences = (documents: readonly number[][], length: number): string[] =>
  documents.flatMap((ids) =>
    ids.flatMap((_, i) => (i >= length ? [ids.slice(i - length, i + 1).join()] : [])),
  );

const tally = (values: readonly (string | number)[]): number[] => {
  const counts = new Map<string | number, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return [...counts.values()];
};

/** Discounts of Chen & Goodman for contexts of a length. */
function discounts(documents: readonly number[][], length: number): number[] {
  const counts = tally(occurrences(documents, length));
  const [n1, n2, n3, n4] = [1, 2, 3, 4].map((n) => counts.filter((count) => count === n).length);
  const y = n1! / (n1! + 2 * n2!);
  return [1 - (2 * y * n2!) / n1!, 2 - (3 * y * n3!) / n2!, 3 - (4 * y * n4!) / n3!];
}

/** The formula of the docstring, from a list of all n-grams. */
function probability(
  documents: readonly number[][],
  context: readonly number[],
  token: number,
  model: number,
  modelCount: number,
): number {
  let p = model;
  for (let length = 2; length <= Math.min(3, context.length); length++) {
    const wanted = context.slice(-length).join();
    const followed = documents.flatMap((ids) =>
      ids.flatMap((id, i) => (i >= length && ids.slice(i - length, i).join() === wanted ? [id] : [])),
    );
    if (followed.length === 0) break;
    const taken = (count: number): number =>
      count === 0 ? 0 : discounts(documents, length)[Math.min(count, 3) - 1]!;
    const count = followed.filter((id) => id === token).length;
    const left = modelCount + tally(followed).reduce((sum, each) => sum + taken(each), 0);
    p = (count - taken(count) + left * p) / (followed.length + modelCount);
  }
  return p;
}

describe('ngramMemory', () => {
  // long enough for discounts of its own
  const documents = [1, 2, 3].map((seed) => randomText(seed, 120));
  for (const length of [2, 3]) {
    expect(discounts(documents, length).every((value, i) => value > 0 && value < i + 1)).toBe(true);
  }
  const memory = ngramMemory(
    countNgrams(
      documents.map((ids) => text(...ids)),
      ALL,
    ),
  );

  it('gives the probabilities of the formula, mixed by the likelihood of the text so far', () => {
    const reader = memory.start();
    const ids = randomText(9, 40);
    reader.skip(ids[0]!);
    const counts = [1, 4, 16];
    let weights = [1 / 2, 1 / 6, 1 / 6, 1 / 6];
    for (let i = 1; i < ids.length; i++) {
      const model = randomModel(i);
      const p = Math.exp(model[ids[i]!]!);
      const each = [p, ...counts.map((count) => probability(documents, ids.slice(0, i), ids[i]!, p, count))];
      const joint = each.map((value, m) => value * weights[m]!);
      const mixed = joint.reduce((a, b) => a + b, 0);
      const row = reader.mix(model);
      expect(row.reduce((sum, value) => sum + Math.exp(value), 0)).toBeCloseTo(1, 12);
      const given = reader.read(ids[i]!, model[ids[i]!]!);
      expect(given).toBeCloseTo(Math.log(mixed), 12);
      expect(row[ids[i]!]).toBeCloseTo(given, 12);
      weights = joint.map((value) => value / mixed);
    }
  });

  it('changes no bit where the context is new', () => {
    const reader = ngramMemory(countNgrams([text(1, 2, 3)], ALL)).start();
    for (const id of [4, 5]) reader.skip(id);
    const model = randomModel(1);
    expect(reader.mix(model)).toEqual(model);
    expect(reader.read(3, -0.1234567)).toBe(-0.1234567);
  });

  it('loses at most a bit of a text, whatever the model says', () => {
    for (const seed of [4, 5, 6, 7]) {
      const reader = memory.start();
      let lost = 0;
      // a text that the memory expects to go on otherwise, under a model that is sure of it
      const ids = randomText(seed, 200).map((id, i) => (i % 3 === 2 ? (id + 1) % VOCABULARY : id));
      reader.skip(0);
      for (const id of ids) lost += -0.001 - reader.read(id, -0.001);
      expect(lost).toBeLessThanOrEqual(Math.LN2 + 1e-9);
    }
  });

  it('keeps a token that the model thinks impossible finite', () => {
    const reader = memory.start();
    reader.skip(0);
    for (const id of randomText(1, 30)) expect(Number.isFinite(reader.read(id, -5000))).toBe(true);
  });
});

describe('countNgrams', () => {
  it('counts what is predicted, inside documents', () => {
    const table = countNgrams(
      [text(1, 2, 3, 4), { ids: [1, 2, 3, 5], predicted: [0, 0, 0, 1] }, text(6, 1, 2, 3)],
      ALL,
    );
    const nodes = Array.from(table.parents, (parent, n) => {
      const context: number[] = [];
      for (let at = n; at >= 0; at = table.parents[at]!) context.push(table.tokens[at]!);
      const [from, to] = [table.starts[n]!, table.starts[n + 1]!];
      const rows = Array.from(table.next.subarray(from, to), (id, i) => `${id}×${table.counts[from + i]}`);
      return [parent, context.join(' '), rows.join(' ')];
    });
    expect(
      nodes.filter(([, , rows]) => rows !== '').map(([, context, rows]) => `${context}: ${rows}`),
    ).toEqual(['6 1: 2×1', '1 2: 3×2', '2 3: 4×1 5×1', '6 1 2: 3×1', '1 2 3: 4×1 5×1']);
  });

  it('keeps the most frequent contexts in a small table', () => {
    const given = [1, 2, 3].map((seed) => text(...randomText(seed, 400)));
    const whole = countNgrams(given, ALL);
    const maxNumbers = Math.round(numbersIn(whole) / 2);
    const small = countNgrams(given, { ...ALL, maxNumbers });
    expect(numbersIn(small)).toBeLessThanOrEqual(maxNumbers);
    expect(numbersIn(small)).toBeGreaterThan(0);
    checkNgramTable(small, VOCABULARY, 'small');
    expect(countNgrams(given, { ...ALL, maxNumbers: 1 }).next.length).toBe(0);
  });

  it.each([
    ['a parent behind its node', 'parents', 0, 5],
    ['a token outside the vocabulary', 'tokens', 0, 99],
    ['a count of nothing', 'counts', 0, 0],
    ['unsorted tokens', 'next', 0, 5],
    ['starts beyond the end', 'starts', 2, 1e6],
  ] as const)('a table with %s is refused', (_, field, at, value) => {
    const table = countNgrams([text(1, 2, 3), text(1, 2, 4)], ALL);
    checkNgramTable(table, VOCABULARY, 'table');
    table[field][at] = value;
    expect(() => checkNgramTable(table, VOCABULARY, 'table')).toThrow(CorruptDataError);
  });
});
