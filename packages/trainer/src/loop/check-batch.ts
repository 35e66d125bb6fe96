import {
  type Batch,
  type BatchSource,
  CorruptDataError,
  LANGUAGE_ROLES,
  type LossNormalizers,
} from '@moect/core';

interface Limits {
  readonly vocabSize: number;
  readonly maxPositions: number;
  readonly languages: number;
}

type Column = Exclude<keyof Batch, 'batchSize' | 'sequenceLength'>;

/** Index of the first value outside low … end − 1, or −1. A plain loop: this runs over every token. */
function firstOutside(values: Int32Array, low: number, end: number): number {
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    if (value < low || value >= end) return i;
  }
  return -1;
}

/**
 * Refuses a batch that would train on nonsense: wrong lengths, ids outside the vocabulary, languages that do
 * not exist. Throws CorruptDataError naming batch, row and column.
 */
export function checkBatch(batch: Batch, counter: number, limits: Limits): void {
  const { batchSize, sequenceLength } = batch;
  const size = batchSize * sequenceLength;
  const columns: readonly (readonly [Column, number, number])[] = [
    ['tokens', 0, limits.vocabSize],
    ['targets', -1, limits.vocabSize],
    ['positions', 0, limits.maxPositions],
    ['documentIds', -1, 2 ** 31],
    ['languageIds', -1, limits.languages],
    ['roles', 0, Object.keys(LANGUAGE_ROLES).length],
  ];
  for (const [name, low, end] of columns) {
    const values = batch[name];
    const source = `Batch ${counter}`;
    if (values.length !== size) {
      const reason = `${name} has ${values.length} values, not ${batchSize} × ${sequenceLength}`;
      throw new CorruptDataError(source, reason, 'Prepare the data again.');
    }
    const wrong = firstOutside(values, low, end);
    if (wrong >= 0) {
      const place = `row ${Math.floor(wrong / sequenceLength)}, position ${wrong % sequenceLength}`;
      const reason = `${name} at ${place} is ${values[wrong]}, outside ${low} … ${end - 1}`;
      throw new CorruptDataError(source, reason, 'Prepare the data again with the tokenizer of this base.');
    }
  }
}

/** Token counts of the batches of one optimizer step. `tokens` has a target; old and new ones leave padding out. */
export function countTokens(batches: readonly Batch[]): LossNormalizers {
  let tokens = 0;
  let oldTokens = 0;
  let newTokens = 0;
  for (const { targets, roles, documentIds } of batches) {
    for (let i = 0; i < targets.length; i++) {
      if (targets[i]! >= 0) tokens++;
      if (documentIds[i]! < 0) continue;
      if (roles[i] === LANGUAGE_ROLES.old) oldTokens++;
      else if (roles[i] === LANGUAGE_ROLES.new) newTokens++;
    }
  }
  return { tokens, oldTokens, newTokens };
}

/** The batches of one optimizer step, checked. Throws CorruptDataError. */
export function readStepBatches(
  data: BatchSource,
  firstCounter: number,
  count: number,
  limits: Omit<Limits, 'languages'>,
): Batch[] {
  const batches = Array.from({ length: count }, (_, i) => data.batch(firstCounter + i));
  batches.forEach((batch, i) => {
    checkBatch(batch, firstCounter + i, { ...limits, languages: data.languages.length });
  });
  return batches;
}
