import {
  type BaseModel,
  type Document,
  type Extension,
  InvalidConfigError,
  MoectError,
  type Tokenizer,
} from '@moect/core';
import { BATCH_TOKENS, createScorer } from '@moect/eval';
import { activeBackend } from '@moect/tensor';
import { gibibytes, grouped } from '../numbers.ts';

/** What scoring some documents takes. Bytes, seconds. */
export interface ScoringPlan {
  readonly documents: number;
  /** Tokens that are scored under each model. */
  readonly tokens: number;
  /** Most tokens that a window reads: the base's context, or as many as fit. */
  readonly window: number;
  /** Tokens of short windows that go through one pass together. */
  readonly batchTokens: number;
  /** Tokens of the largest pass, padding included. */
  readonly passTokens: number;
  /** Most bytes of the wasm heap in use during that pass; null on another backend. */
  readonly peakBytes: number | null;
  /** Seconds that all documents take under one model, by the speed of that pass. */
  readonly seconds: number;
  /** Choices made because the largest pass did not fit, with reasons. */
  readonly notes: readonly string[];
}

export interface PlannedScoring {
  readonly base: BaseModel;
  readonly tokenizer: Tokenizer;
  /** Models to score under; without any the base alone. */
  readonly extensions: readonly Extension[];
  readonly documents: readonly Document[];
  /** Bytes that will be held besides while documents are scored. Default 0. */
  readonly moreBytes?: number;
}

/** Windows are not made shorter than this: a model that has no room for them has none for training or text either. */
const LEAST_WINDOW = 64;

/** Sizes that decide the memory of a pass. */
type Sizes = Pick<ScoringPlan, 'window' | 'batchTokens'>;

interface Pass {
  readonly rows: number;
  readonly time: number;
}

/** The largest pass over documents of these lengths, in tokens with their prefix. */
function largestPass(lengths: readonly number[], { window, batchTokens }: Sizes): Pass {
  const time = Math.min(
    window,
    lengths.reduce((most, length) => Math.max(most, length), 1),
  );
  const windows = lengths.reduce((sum, length) => sum + Math.ceil(length / window), 0);
  return { rows: Math.max(1, Math.min(windows, Math.floor(batchTokens / time))), time };
}

type Trial = { readonly peakBytes: number | null; readonly milliseconds: number };

/** Scores made-up documents of a pass under one model, by the scorer's own code. Throws BackendUnavailableError. */
async function tryPass(
  { base, tokenizer }: PlannedScoring,
  extension: Extension | undefined,
  { rows, time }: Pass,
): Promise<Trial> {
  const heap = activeBackend() === 'moect-wasm' ? await import('@moect/backend-wasm') : null;
  const ids = Array.from({ length: time }, (_, i) => i % base.vocabSize);
  const scorer = createScorer({
    name: 'trial',
    base,
    // made-up tokens stand for no text, so none of it can be lost
    tokenizer: { ...tokenizer, encode: () => ids, unkTokenId: null, lossIn: () => null },
    maxLength: time,
    ...(extension && { extension }),
  });
  const documents = Array.from({ length: rows }, (_, i) => ({ id: `${i}`, language: 'und', text: '' }));
  heap?.resetWasmHeapPeak();
  const begin = performance.now();
  await scorer.score(documents);
  return {
    peakBytes: heap?.wasmHeapStatistics()?.peakBytes ?? null,
    milliseconds: performance.now() - begin,
  };
}

/** The trial that took most memory and most time, or the reason why one did not fit. */
async function tryAll(scoring: PlannedScoring, pass: Pass): Promise<Trial | string> {
  const { extensions, moreBytes = 0 } = scoring;
  const trials: Trial[] = [];
  try {
    for (const extension of extensions.length === 0 ? [undefined] : extensions) {
      trials.push(await tryPass(scoring, extension, pass));
    }
  } catch (error) {
    if (!MoectError.isInstance(error) || error.name !== 'BackendUnavailableError') throw error;
    return error.message;
  }
  const most = (pick: (trial: Trial) => number): number => Math.max(...trials.map(pick));
  const peakBytes = trials.some((trial) => trial.peakBytes === null) ? null : most((t) => t.peakBytes!);
  const limit = peakBytes === null ? null : await heapLimit();
  if (limit !== null && peakBytes! + moreBytes > limit) {
    return `a pass takes ${gibibytes(peakBytes! + moreBytes)} of WebAssembly memory, which has at most ${gibibytes(limit)}.`;
  }
  return { peakBytes, milliseconds: most((t) => t.milliseconds) };
}

async function heapLimit(): Promise<number | null> {
  const { wasmHeapStatistics } = await import('@moect/backend-wasm');
  return wasmHeapStatistics()?.limitBytes ?? null;
}

/** Sizes for a smaller pass; null where there is none. Fewer windows in a pass change no score, shorter ones do. */
function smaller({ window, batchTokens }: Sizes, { rows, time }: Pass): Sizes | null {
  if (rows > 1) return { window, batchTokens: Math.max(time, (rows >> 1) * time) };
  const half = time >> 1;
  return half < LEAST_WINDOW ? null : { window: half, batchTokens: Math.min(batchTokens, half) };
}

/**
 * Runs the largest pass that scoring will make once under each model, before any document is scored. Where it does not
 * fit, passes get fewer windows, and then windows are halved until one does; a note says so, and every model is scored
 * with the same windows. Throws InvalidConfigError where not even windows of 64 tokens fit.
 */
export async function planScoring(scoring: PlannedScoring): Promise<ScoringPlan> {
  const { base, tokenizer, documents } = scoring;
  const lengths = documents.map(({ text }) => tokenizer.encode(text).length);
  const tokens = lengths.reduce((sum, length) => sum + length, 0);
  let sizes: Sizes = { window: base.maxPositions, batchTokens: BATCH_TOKENS };
  let reason: string | null = null;
  for (;;) {
    const pass = largestPass(lengths, sizes);
    const passTokens = pass.rows * pass.time;
    const trial = await tryAll(scoring, pass);
    if (typeof trial !== 'string') {
      const seconds = (trial.milliseconds / 1000) * (tokens / passTokens);
      const { peakBytes } = trial;
      const notes = reason === null ? [] : [noteOf(sizes, base, reason)];
      return { documents: documents.length, tokens, ...sizes, passTokens, peakBytes, seconds, notes };
    }
    reason ??= `${grouped(passTokens)} tokens do not fit: ${trial}`;
    const next = smaller(sizes, pass);
    if (next === null) throw refusal(passTokens, trial);
    sizes = next;
  }
}

function noteOf({ window, batchTokens }: Sizes, { maxPositions }: BaseModel, reason: string): string {
  const what =
    window === maxPositions ? `passes of ${grouped(batchTokens)}` : `windows of ${grouped(window)}`;
  return `${what} tokens, since ${reason}`;
}

function refusal(passTokens: number, reason: string): InvalidConfigError {
  return new InvalidConfigError(
    'Scoring',
    [{ path: 'memory', message: `has no room for a pass of ${passTokens} tokens: ${reason}` }],
    'Keep the base in fewer bytes (--base-storage bfloat16 or int8, or a GGUF file), or use --backend node.',
  );
}
