import type { Batch, Candidates, Rng } from '@moect/core';
import { tensor } from '@moect/tensor';

/** How many tokens the loss normalises over. */
export interface SampledSoftmax {
  /** Tokens that always count: all those of the text. Distinct. */
  readonly always: ArrayLike<number>;
  /** Others that are drawn for each micro-batch; they stand for all the rest of the vocabulary. */
  readonly sampled: number;
}

/** Draws without replacement, by the first steps of a Fisher–Yates shuffle. */
function draw(from: Int32Array, count: number, rng: Rng): Int32Array {
  const drawn = from.slice();
  for (let i = 0; i < count; i++) {
    const j = i + Math.floor(rng.next() * (drawn.length - i));
    [drawn[i], drawn[j]] = [drawn[j]!, drawn[i]!];
  }
  return drawn.subarray(0, count);
}

/** Gives the candidates of each micro-batch. The caller disposes them. */
export function candidateSource(
  { always, sampled }: SampledSoftmax,
  vocabSize: number,
): (batch: Batch, rng: Rng) => Candidates {
  const isAlways = new Uint8Array(vocabSize);
  for (let i = 0; i < always.length; i++) isAlways[always[i]!] = 1;
  const fixed = Int32Array.from(always);
  const others = Int32Array.from({ length: vocabSize }, (_, token) => token).filter(
    (id) => isAlways[id] === 0,
  );
  const count = Math.min(sampled, others.length);
  return (batch, rng) => {
    const tokens = new Int32Array(fixed.length + count);
    tokens.set(fixed);
    tokens.set(draw(others, count, rng.fork('candidates')), fixed.length);
    const places = new Float32Array(vocabSize);
    tokens.forEach((token, place) => {
      places[token] = place;
    });
    const targets = batch.targets.map((target) => (target < 0 ? -1 : places[target]!));
    const logCounts = new Float32Array(tokens.length).fill(Math.log(others.length / count), fixed.length);
    return {
      tokens: tensor(tokens, [tokens.length], 'int32'),
      targets: tensor(targets, [batch.batchSize, batch.sequenceLength], 'int32'),
      logCounts: tensor(logCounts, [tokens.length, 1]),
      places: tensor(places, [vocabSize, 1]),
    };
  };
}
