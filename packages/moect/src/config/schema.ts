import type { Callback, Json } from '@moect/core';
import { PREFIX_TOKENS } from '@moect/data';
import { BACKEND_NAMES } from '@moect/tensor';
import { z } from 'zod';
import { DURATION } from '../training/duration.ts';
import { isTexts, type Texts } from '../training/texts-shape.ts';
import { CODE } from './canonical-languages.ts';

const count = () => z.int().positive();
const share = () => z.number().min(0).max(1);
const files = () =>
  z.array(z.string().min(1)).min(1).describe('.txt or .jsonl, also with .gz; relative to this file');
const code = () =>
  z
    .string()
    .regex(CODE, 'is no language code: letters, digits, - and _, for example swh_Latn')
    .describe('for example swh_Latn');

// JSON on disk has no `undefined`, but the type of our settings allows it
const settings = () =>
  z.record(z.string(), z.json()) as unknown as z.ZodType<
    Readonly<Record<string, Json | undefined>>,
    Readonly<Record<string, Json | undefined>>
  >;

const language = z.strictObject({
  code: code(),
  role: z.enum(['new', 'old']).describe('new: to be learned; old: the base knows it, its text is the replay'),
  files: files(),
  weight: z
    .number()
    .positive()
    .exactOptional()
    .describe('how often it is drawn among its role; default: new by size, old equally'),
});

const evaluationLanguage = z.strictObject({
  code: code(),
  role: z.enum(['new', 'old', 'unseen']),
  files: files(),
});

const data = z.strictObject({
  sequenceLength: count().exactOptional().describe("tokens; default: the base's context, at most 512"),
  format: z
    .enum(['lines', 'blocks', 'whole', 'jsonl'])
    .exactOptional()
    .describe('what a document of plain text is; default: lines. Files of records are known by .jsonl'),
  textField: z.string().min(1).default('text').describe('JSONL field with the text'),
  invalidUtf8: z
    .enum(['error', 'replace', 'skip-document'])
    .default('error')
    .describe('broken UTF-8: an error with line and byte, U+FFFD in its place, or the document left out'),
  normalization: z
    .enum(['NFC', 'none'])
    .default('NFC')
    .describe('Unicode form of all text in training, scoring and prompts (UAX #15); none: as it stands'),
  prefixToken: z
    .enum(PREFIX_TOKENS)
    .exactOptional()
    .describe(
      'what documents and prompts stand after; default: what the tokenizer itself puts there, else documents after its ' +
        'end-of-sequence token; moect-0.1: as runs of that version',
    ),
  endOfDocument: z
    .boolean()
    .exactOptional()
    .describe('the model learns to end documents; default: where the tokenizer has an end-of-sequence token'),
  heldOut: z
    .number()
    .min(0)
    .max(0.5)
    .exactOptional()
    .describe(
      'share of the documents kept out of training, written to held-out/; default 0.05, 0 beside evaluation',
    ),
  minHeldOut: z
    .int()
    .min(0)
    .default(1)
    .describe('documents held out at least, of languages with ten times as many'),
});

const training = z.strictObject({
  steps: count().exactOptional().describe('optimizer steps; give one of steps, tokens, epochs'),
  tokens: count().exactOptional().describe('tokens of all languages, replay included'),
  epochs: z.number().positive().exactOptional().describe('passes over the new languages; default 4'),
  budget: z
    .string()
    .regex(DURATION, 'is no time such as 90s, 30min or 2h')
    .exactOptional()
    .describe('most time that training and evaluations take on this machine, for example 30min: fewer steps'),
  batchSize: count().exactOptional().describe('sequences; default: about 2,048 tokens'),
  accumulation: count()
    .exactOptional()
    .describe(
      'batches in one optimizer step; default 1, more where a batch of the default size does not fit',
    ),
  learningRate: z
    .number()
    .positive()
    .exactOptional()
    .describe("default: the preset's rule for this base's size"),
  schedule: z.enum(['cosine', 'linear', 'constant']).exactOptional().describe("default: the preset's"),
  warmup: share().exactOptional().describe("share of the steps; default: the preset's"),
  finalRate: share()
    .exactOptional()
    .describe("learning rate at the end, as a share of the highest; default: the preset's"),
  maxGradNorm: z.number().positive().default(1).describe('gradients are clipped to it'),
  weightDecay: z.number().min(0).default(0),
  betas: z
    .tuple([z.number().min(0).lt(1), z.number().min(0).lt(1)])
    .exactOptional()
    .describe("decay rates of AdamW's two moments; default: the preset's"),
  seed: z.int().min(0).default(0),
  checkpointEvery: count().exactOptional().describe('steps; default: a tenth of the run, at least 20'),
  evaluateEvery: count().exactOptional().describe('steps; default: only at the end'),
  keep: z
    .enum(['best', 'last'])
    .exactOptional()
    .describe(
      'weights that the extension gets: best: of the evaluation with the lowest bits per byte on the new languages among ' +
        'those with every old one within 1 % of the base; last: of the last step; default: best where evaluateEvery is given',
    ),
  statisticsEvery: count()
    .exactOptional()
    .describe('steps between gate and expert statistics; default: never'),
  sampledSoftmax: z
    .int()
    .min(0)
    .exactOptional()
    .describe(
      'tokens that are drawn for each pass to stand for those of the vocabulary that the text never has, so that the ' +
        "loss is cheaper; 0: the loss takes the whole vocabulary; default: the preset's, where that is much larger",
    ),
  recompute: z
    .boolean()
    .exactOptional()
    .describe(
      'less memory for more time, same bits: layers run again on the way back; default: where a step does not fit else',
    ),
});

/** Settings of a run with the same form in a file and in a program. */
const runShape = {
  preset: z
    .string()
    .min(1)
    .exactOptional()
    .describe('moe-ct, moe-ct-paper, moe-ct-mixture, ct, ct-replay, lora-ct, or one of your parts'),
  method: settings().default({}).describe("settings of the preset's method that differ from the preset"),
  packSize: z
    .number()
    .gt(0)
    .max(1)
    .nullable()
    .exactOptional()
    .describe(
      "numbers of the pack as a share of the base's parameters: experts get what it leaves them; null: what the preset " +
        'takes for small bases; default: 0.1 for bases from 20 million parameters, else null',
    ),
  ngrams: z
    .boolean()
    .exactOptional()
    .describe(
      'the pack counts what followed two and three tokens of the new text, and mixes it into its predictions; ' +
        "default: the preset's",
    ),
  data: data.prefault({}),
  training: training.prefault({}),
  extension: z
    .strictObject({
      dtype: z.enum(['f32', 'bf16']).default('f32').describe('of the saved weights'),
      license: z.string().min(1).exactOptional().describe('SPDX name, for the model card'),
    })
    .prefault({}),
  cache: z
    .union([
      z.literal(false),
      z.strictObject({
        folder: z.string().min(1).describe('shared by runs; relative to this file'),
        maxBytes: count().exactOptional().describe('default 16 GiB'),
      }),
    ])
    .exactOptional()
    .describe(
      'keeps what the frozen layers below the extension make of the text, rounded to bf16; false: never; default: in the ' +
        "run's folder while it lasts, where text is read twice and it pays",
    ),
};

export const runSchema = z.strictObject(runShape);

/** The configuration file of `moect train`. Unknown keys are refused. */
export const configSchema = z.strictObject({
  base: z
    .string()
    .min(1)
    .describe(
      'folder with config.json, safetensors weights and tokenizer.json, a GGUF file, or org/name[@revision] of the hub',
    ),
  baseId: z
    .string()
    .min(1)
    .exactOptional()
    .describe("the base's name on the hub, for the model card; default: what `base` tells"),
  baseStorage: z
    .enum(['file', 'float32', 'bfloat16', 'int8'])
    .default('file')
    .describe(
      "the base's matrices in memory: file as in its file, exactly; bfloat16 half of float32, int8 a quarter",
    ),
  parts: z
    .union([z.string().min(1), z.array(z.string().min(1))])
    .exactOptional()
    .describe('modules with routers, experts, methods, … of your own; relative to this file'),
  ...runShape,
  languages: z.array(language).min(1),
  replay: z
    .strictObject({ share: share().describe('share of the sequences in old languages') })
    .exactOptional()
    .describe("default: the preset's, more of it where the new text is scarce"),
  evaluation: z
    .strictObject({ languages: z.array(evaluationLanguage).min(1).describe('default: the held-out share') })
    .exactOptional(),
  backend: z
    .strictObject({
      name: z.enum(['auto', ...BACKEND_NAMES]).default('auto'),
      threads: count().exactOptional(),
      gpuMemoryBytes: count()
        .exactOptional()
        .describe('of a GPU, to stay within: WebGPU does not tell how much there is; default: not checked'),
    })
    .prefault({}),
  output: z.string().min(1).default('run').describe('folder of the run'),
  resolved: settings().exactOptional().describe('written by moect into resolved.json, not read'),
});

// JSON of any shape is kept as it is: its type is recursive
type DeepReadonly<T> = T extends object
  ? string extends keyof T
    ? T
    : { readonly [K in keyof T]: DeepReadonly<T[K]> }
  : T;

const textsByLanguage = () =>
  z.record(
    code(),
    z.custom<Texts>(isTexts, 'must be documents, one string with a document a line, or { files: [...] }'),
  );

const hook = () =>
  z.custom<() => void>((value) => typeof value === 'function', 'must be a function').exactOptional();

const isCallback = (value: unknown): boolean =>
  (value as { contract?: unknown } | null)?.contract === 'callback/1';

/** Options of a run in a program: its settings, texts and hooks. See `TrainOptions`. */
export const programSchema = z.strictObject({
  ...runShape,
  languages: textsByLanguage(),
  replay: textsByLanguage().exactOptional(),
  replayShare: share().exactOptional(),
  weights: z.record(code(), z.number().positive()).exactOptional(),
  evaluation: textsByLanguage().exactOptional(),
  gpuMemoryBytes: count().exactOptional(),
  output: z.string().min(1).exactOptional(),
  resume: z.boolean().exactOptional(),
  signal: z
    .custom<AbortSignal>((value) => value instanceof AbortSignal, 'must be an AbortSignal')
    .exactOptional(),
  callbacks: z
    .array(z.custom<Callback>(isCallback, "must be a callback: { contract: 'callback/1', name, onStep, … }"))
    .exactOptional(),
  onEvaluating: hook(),
  onReady: hook(),
  onWarning: hook(),
});

/** Type of a configuration file; omitted keys have defaults. */
export type MoectConfig = DeepReadonly<z.input<typeof configSchema>>;

/** A configuration file with its independent defaults filled in. */
export type CheckedConfig = DeepReadonly<z.output<typeof configSchema>>;

/** Settings of a run, as given by a program; see `config.schema.json`. */
export type RunSettings = DeepReadonly<z.input<typeof runSchema>>;

/** Settings of a run with their defaults. */
export type CheckedSettings = DeepReadonly<z.output<typeof runSchema>>;

/** JSON Schema (2020-12) of the configuration file, for editors. */
export function configJsonSchema(): object {
  return z.toJSONSchema(configSchema, { target: 'draft-2020-12', io: 'input' });
}
