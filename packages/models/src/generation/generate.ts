import {
  type Attachments,
  type BaseModel,
  type DecodingCache,
  InvalidConfigError,
  type ParamMap,
  type Rng,
  yieldToHost,
} from '@moect/core';
import { createRng, dispose, tensor } from '@moect/tensor';
import { chunksOf, promptChunk } from './prefill.ts';
import { checkLogits, checkSampling, type SamplingOptions, sampleToken } from './sampling.ts';

export interface GenerateOptions extends SamplingOptions {
  readonly maxNewTokens: number;
  /** Same seed, same text; each row of a batch has its own stream. Default 0. */
  readonly seed?: number;
  /** Generation of a row ends after one of these; it is part of the result. Default: none. */
  readonly stopIds?: readonly number[];
  readonly attachments?: Attachments;
  readonly overrides?: ParamMap;
  /** τ of the gates, 0 … 1; null: off. Default: each gate's own τ. */
  readonly gateThreshold?: number | null;
  /** Called for each token as it is chosen; `true` ends the generation of its row, as after one of `stopIds`. */
  readonly onToken?: (token: number, row: number) => unknown;
  /** Ends generation early; the tokens so far are returned with finish reason `aborted`. */
  readonly signal?: AbortSignal;
}

export interface Generation {
  /** New tokens, without the prompt. */
  readonly tokens: number[];
  readonly finishReason: 'stop' | 'length' | 'aborted';
}

interface Row {
  readonly promptLength: number;
  readonly tokens: number[];
  readonly rng: Rng;
  /** Tokens of prompt and text. */
  readonly seen: Set<number>;
  isStopped: boolean;
}

/** Throws InvalidConfigError for prompts without tokens, ids outside the vocabulary, and texts beyond learned positions. */
export function checkPrompts(
  model: BaseModel,
  prompts: readonly (readonly number[])[],
  maxNewTokens: number,
): void {
  const problems = prompts.flatMap((prompt, row) => {
    const wrong = prompt.find((id) => !Number.isInteger(id) || id < 0 || id >= model.vocabSize);
    const path = `prompts[${row}]`;
    if (prompt.length === 0) return [{ path, message: 'is empty; begin with the BOS token' }];
    return wrong === undefined ? [] : [{ path, message: `has id ${wrong}, vocabulary ${model.vocabSize}` }];
  });
  const longest = Math.max(0, ...prompts.map((prompt) => prompt.length));
  // the model never reads the last token
  const positions = longest + maxNewTokens - 1;
  if (model.hasLearnedPositions === true && positions > model.maxPositions) {
    const message = `is ${maxNewTokens}, with a prompt of ${longest} tokens; this base has ${model.maxPositions} positions`;
    problems.push({ path: 'maxNewTokens', message });
  }
  if (prompts.length === 0) problems.push({ path: 'prompts', message: 'there is none' });
  if (problems.length > 0) throw new InvalidConfigError('generation', problems);
}

/** Tokens [batch, time] with their positions and documents. */
interface StepInput {
  readonly tokens: Int32Array;
  readonly positions: Int32Array;
  readonly documentIds: Int32Array;
  readonly batch: number;
}

/** Some positions of every row. */
function columns({ batch, ...input }: StepInput, begin: number, end: number): StepInput {
  const time = input.tokens.length / batch;
  const cut = (values: Int32Array): Int32Array => {
    const kept = new Int32Array(batch * (end - begin));
    for (let row = 0; row < batch; row++)
      kept.set(values.subarray(row * time + begin, row * time + end), row * (end - begin));
    return kept;
  };
  const { tokens, positions, documentIds } = input;
  return { tokens: cut(tokens), positions: cut(positions), documentIds: cut(documentIds), batch };
}

/** Reads prompts in chunks, then gives the logits of each row's last position. Stops between chunks when aborted. */
async function prefill(
  model: BaseModel,
  cache: DecodingCache,
  input: StepInput,
  options: GenerateOptions,
): Promise<Float32Array | null> {
  const chunks = chunksOf(input.tokens.length / input.batch, promptChunk(input.batch));
  let logits: Float32Array | null = null;
  for (const [begin, end] of chunks) {
    if (options.signal?.aborted === true) return null;
    logits = await step(model, cache, columns(input, begin, end), options);
    if (chunks.length > 1) await yieldToHost();
  }
  return logits;
}

/** Adds tokens to the cache; gives the logits of each row's last position, [batch · vocabSize]. */
async function step(
  model: BaseModel,
  cache: DecodingCache,
  input: StepInput,
  options: Pick<GenerateOptions, 'attachments' | 'overrides' | 'gateThreshold'>,
): Promise<Float32Array> {
  const shape = [input.batch, input.tokens.length / input.batch];
  const [tokens, positions, documentIds] = [
    tensor(input.tokens, shape, 'int32'),
    tensor(input.positions, shape, 'int32'),
    tensor(input.documentIds, shape, 'int32'),
  ];
  const { attachments, overrides, gateThreshold } = options;
  try {
    const result = model.forward(tokens, {
      positions,
      documentIds,
      cache,
      logits: 'last',
      ...(attachments === undefined ? {} : { attachments }),
      ...(overrides === undefined ? {} : { overrides }),
      ...(gateThreshold === undefined ? {} : { gateThreshold }),
    });
    const values = (await result.logits.data()) as Float32Array;
    dispose(result);
    return values;
  } finally {
    dispose([tokens, positions, documentIds]);
  }
}

/** Pads rows of unequal length on the left; no token attends to padding, which is a document of its own. */
function leftPadded(prompts: readonly (readonly number[])[]): StepInput {
  const time = Math.max(...prompts.map((prompt) => prompt.length));
  const size = prompts.length * time;
  const [tokens, positions] = [new Int32Array(size), new Int32Array(size)];
  const documentIds = new Int32Array(size).fill(-1);
  for (const [row, prompt] of prompts.entries()) {
    const first = (row + 1) * time - prompt.length;
    for (const [i, id] of prompt.entries()) {
      tokens[first + i] = id;
      positions[first + i] = i;
      documentIds[first + i] = 0;
    }
  }
  return { tokens, positions, documentIds, batch: prompts.length };
}

function chooseTokens(rows: readonly Row[], logits: Float32Array, options: GenerateOptions): void {
  const vocabSize = logits.length / rows.length;
  for (const [i, row] of rows.entries()) {
    if (row.isStopped) continue;
    const own = logits.subarray(i * vocabSize, (i + 1) * vocabSize);
    checkLogits(own);
    const token = sampleToken(own, options, row.rng.next(), row.seen);
    row.tokens.push(token);
    row.seen.add(token);
    const isWanted = options.onToken?.(token, i) === true;
    row.isStopped = isWanted || (options.stopIds?.includes(token) ?? false);
  }
}

function nextInput(rows: readonly Row[]): StepInput {
  return {
    // a stopped row repeats its last token; its outputs are ignored
    tokens: Int32Array.from(rows, (row) => row.tokens[row.tokens.length - 1]!),
    positions: Int32Array.from(rows, (row) => row.promptLength + row.tokens.length - 1),
    documentIds: new Int32Array(rows.length),
    batch: rows.length,
  };
}

/**
 * Continues several prompts together, with keys and values cached. A row's text does not depend on the others. Prompts
 * are read in chunks of 512 tokens, so that beside the cache nothing grows with their length.
 * @param prompts token ids, of any lengths from 1
 * Throws InvalidConfigError, NonFiniteError.
 */
export async function generateBatch(
  model: BaseModel,
  prompts: readonly (readonly number[])[],
  options: GenerateOptions,
): Promise<Generation[]> {
  checkSampling(options);
  checkPrompts(model, prompts, options.maxNewTokens);
  const { maxNewTokens, seed = 0, signal } = options;
  const rows = prompts.map((prompt, row): Row => {
    const rng = createRng(seed).fork(`row ${row}`);
    return { promptLength: prompt.length, tokens: [], rng, seen: new Set(prompt), isStopped: false };
  });
  const cache = model.createCache(rows.length);
  const finished = (): boolean => signal?.aborted === true || rows.every((row) => row.isStopped);
  try {
    for (let made = 0; made < maxNewTokens && !finished(); made++) {
      const logits =
        made === 0
          ? await prefill(model, cache, leftPadded(prompts), options)
          : await step(model, cache, nextInput(rows), options);
      if (logits !== null) chooseTokens(rows, logits, options);
    }
  } finally {
    cache.dispose();
  }
  const open = signal?.aborted === true ? 'aborted' : 'length';
  return rows.map(({ tokens, isStopped }) => ({ tokens, finishReason: isStopped ? 'stop' : open }));
}

/** {@link generateBatch} of one prompt. */
export async function generate(
  model: BaseModel,
  promptIds: readonly number[],
  options: GenerateOptions,
): Promise<Generation> {
  return (await generateBatch(model, [promptIds], options))[0]!;
}
