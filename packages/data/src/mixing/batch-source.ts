import { type Batch, type BatchSource, InvalidConfigError, LANGUAGE_ROLES } from '@moect/core';
import { Sha256 } from '../hashing/sha256.ts';
import { type BatchSourceOptions, checkBatchSourceOptions } from './mix-options.ts';
import { createSchedule, type Draw, type MixingSchedule } from './schedule.ts';

export interface MixedBatchSource extends BatchSource {
  readonly batchSize: number;
  readonly sequenceLength: number;
  /** Epochs of each language that lie before a batch, as fractions, in the order of `languages`. */
  epochsBefore(counter: number): number[];
}

/** Draws whose languages stand for the whole mixing in the fingerprint, custom samplers included. */
const fingerprintedDraws = 4096;

function fingerprintOf(options: BatchSourceOptions, schedule: MixingSchedule): string {
  const hash = new Sha256().update(
    JSON.stringify({
      format: 'batch-source/1',
      tokenizer: options.tokenizerId,
      batchSize: options.batchSize,
      seed: options.seed,
      replay: options.replay?.share ?? null,
      languages: options.languages.map(({ code, role, sequences }) => [code, role, sequences.fingerprint]),
    }),
  );
  const draws = schedule.draws(0, fingerprintedDraws);
  return hash.updateInt32(Int32Array.from(draws.flatMap((d) => [d.language, d.sequence]))).hex();
}

function copyRow(batch: Batch, row: number, draw: Draw, options: BatchSourceOptions): void {
  const { role, sequences } = options.languages[draw.language]!;
  const length = batch.sequenceLength;
  const from = draw.sequence * length;
  const to = row * length;
  for (const name of ['tokens', 'targets', 'positions', 'documentIds'] as const) {
    batch[name].set(sequences[name].subarray(from, from + length), to);
  }
  for (let i = 0; i < length; i++) {
    const padding = sequences.documentIds[from + i]! < 0;
    batch.languageIds[to + i] = padding ? -1 : draw.language;
    batch.roles[to + i] = padding ? LANGUAGE_ROLES.unknown : LANGUAGE_ROLES[role];
  }
}

/**
 * Mixes packed languages into batches. `batch(counter)` depends on the options and the counter alone:
 *
 * * which places of the endless line of sequences are replay follows from error diffusion (exact share);
 * * which language comes follows from a sampler with a counter of its own, for replay and for the rest;
 * * which sequence of the language follows from a seeded permutation per language and epoch: each sequence comes
 *   once per epoch.
 *
 * In padding, tokens and positions are 0, targets, documentIds and languageIds −1, and the role is unknown.
 * The fingerprint is a SHA-256 over the packed data, tokenizer id, batch size, seed and the first 4,096 draws.
 * Throws InvalidConfigError with every problem at once.
 */
export function createBatchSource(options: BatchSourceOptions): MixedBatchSource {
  checkBatchSourceOptions(options);
  const { batchSize, languages } = options;
  const { sequenceLength } = languages[0]!.sequences;
  const schedule = createSchedule(options);
  const size = batchSize * sequenceLength;
  return {
    languages: languages.map(({ code, role }) => ({ code, role })),
    fingerprint: fingerprintOf(options, schedule),
    batchSize,
    sequenceLength,
    epochsBefore: (counter) => schedule.epochs(counter * batchSize),
    batch(counter) {
      if (!Number.isSafeInteger(counter) || counter < 0) {
        const message = `is ${counter}, must be a whole number from 0`;
        throw new InvalidConfigError('Batch source', [{ path: 'counter', message }]);
      }
      const batch: Batch = {
        batchSize,
        sequenceLength,
        tokens: new Int32Array(size),
        targets: new Int32Array(size),
        positions: new Int32Array(size),
        documentIds: new Int32Array(size),
        languageIds: new Int32Array(size),
        roles: new Int32Array(size),
      };
      schedule.draws(counter * batchSize, batchSize).forEach((draw, row) => {
        copyRow(batch, row, draw, options);
      });
      return batch;
    },
  };
}
