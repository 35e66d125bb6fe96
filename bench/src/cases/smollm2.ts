import { readFileSync } from 'node:fs';
import { type BenchCase, type Entry, speedRatio, startTime } from './bench-case.ts';
import { THREADS_ALL } from './threads.ts';

/** Greedy continuation of one prompt. */
export const SMOLLM2_GENERATION = { prompt: 'Once upon a time', newTokens: 256 } as const;

/** Tokens of one step of a training, whatever the batch of its method. */
export const SMOLLM2_STEP_TOKENS = 2048;
export const SMOLLM2_SEQUENCE = 512;

/** Bytes of the documents that are scored: as unequal as documents are. */
const DOCUMENT_BYTES = [1000, 1300, 1600, 1900, 2200, 2500, 2800, 3100, 3400, 3700];
const ALL_BYTES = DOCUMENT_BYTES.reduce((sum, bytes) => sum + bytes, 0);
const TRAINING_BYTES = 16_000;

/** English prose that the demo ships; its README says from where. */
function prose(): string {
  const file = new URL('../../../examples/demo/data/old/eng_Latn.heldout.jsonl', import.meta.url);
  const lines = readFileSync(file, 'utf8').split('\n').filter(Boolean);
  // one byte a character, so that lengths are bytes
  return lines.map((line) => (JSON.parse(line) as { text: string }).text.replace(/[^\n -~]/g, '')).join('\n');
}

/** Ten documents of 1,000 to 3,700 bytes. */
export const scoredDocuments = (): string[] => {
  const text = prose();
  let end = 0;
  return DOCUMENT_BYTES.map((bytes) => {
    end += bytes;
    return text.slice(end - bytes, end);
  });
};

/** Text of about two steps: an epoch is over soon, and with it the computing of hidden states. */
export const trainingText = (): string => prose().slice(0, TRAINING_BYTES);

const BASES = { q4_1: 'MOECT_SMOLLM2_GGUF', bf16: 'MOECT_SMOLLM2' } as const;

/** The model's file or folder. Throws with one line where it is not named. */
export function smollm2(kind: keyof typeof BASES): string {
  const found = process.env[BASES[kind]];
  if (found !== undefined && found !== '') return found;
  throw new Error(`${BASES[kind]} is not set: npm run get:smollm2 -- DIR --folder fetches the model`);
}

/** What BENCH_BASE asks this contender for. */
export const askedModel = (): string => smollm2(process.env['BENCH_BASE'] === 'q4_1' ? 'q4_1' : 'bf16');

type Env = Readonly<Record<string, string>>;

const entry = (name: string, module: string, env: Env): Entry => ({
  name,
  module,
  env: { BENCH_THREADS: THREADS_ALL, ...env },
});

const ours = (name: string, work: string, more: Env = {}): Entry =>
  entry(name, 'moect-smollm2', { BENCH_WORK: work, ...more });

const torch = (name: string, work: string): Entry => entry(name, 'torch-smollm2', { BENCH_WORK: work });

const generation: BenchCase = {
  name: 'smollm2-generate',
  title: `SmolLM2-135M-Instruct, greedy generation of ${SMOLLM2_GENERATION.newTokens} tokens, batch 1`,
  unit: 'tokens/s',
  tokens: SMOLLM2_GENERATION.newTokens,
  entries: [
    ours('moect-q4_1', 'generate', { BENCH_BASE: 'q4_1' }),
    ours('moect-bf16', 'generate', { BENCH_BASE: 'bf16' }),
    entry('llama-cpp-q4_1', 'llama-cpp', {}),
    torch('transformers-f32', 'generate'),
  ],
  bars: [
    speedRatio('moect-q4_1', 'llama-cpp-q4_1', 0.5),
    speedRatio('moect-q4_1', 'transformers-f32', 1.5),
    speedRatio('moect-bf16', 'transformers-f32', 1.5),
  ],
};

const training = (name: string, preset: string, more: Env = {}): Entry =>
  ours(name, 'train', { BENCH_BASE: 'bf16', BENCH_PRESET: preset, ...more });

const trainings: BenchCase = {
  name: 'smollm2-train',
  title: `The same model in bf16, training on ${SMOLLM2_STEP_TOKENS} tokens by default settings`,
  unit: 'tokens/s',
  tokens: SMOLLM2_STEP_TOKENS,
  entries: [
    training('moe-ct', 'moe-ct-mixture'),
    training('moe-ct-kept-states', 'moe-ct-mixture', { BENCH_CACHED: '1' }),
    training('ct', 'ct'),
    training('lora-ct', 'lora-ct'),
    torch('torch-ct-f32', 'train'),
    torch('peft-lora-f32', 'lora'),
  ],
  bars: [
    speedRatio('moe-ct', 'ct', 2),
    speedRatio('moe-ct-kept-states', 'ct', 4),
    speedRatio('moe-ct', 'torch-ct-f32', 2),
  ],
};

const scoring: BenchCase = {
  name: 'smollm2-score',
  title: `The same model in bf16, bits per byte of ${DOCUMENT_BYTES.length} documents of 1 to 3.7 kB`,
  unit: 'bytes/s',
  tokens: ALL_BYTES,
  entries: [ours('moect-bf16', 'score', { BENCH_BASE: 'bf16' }), torch('torch-f32', 'score')],
  bars: [speedRatio('moect-bf16', 'torch-f32', 0.8)],
};

const start = (name: string, kind: keyof typeof BASES): Entry =>
  entry(name, 'moect-start', { BENCH_BASE: kind });

const starts: BenchCase = {
  name: 'smollm2-start',
  title: 'The same model, whole process of moect generate for one token',
  unit: 'starts/s',
  tokens: 1,
  entries: [start('moect-q4_1', 'q4_1'), start('moect-bf16', 'bf16')],
  bars: [startTime('moect-q4_1', 2), startTime('moect-bf16', 2)],
};

export const smollm2Cases: readonly BenchCase[] = [generation, trainings, scoring, starts];
