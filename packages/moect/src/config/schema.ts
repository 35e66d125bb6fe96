import type { Settings } from '@moect/core';
import { BACKEND_NAMES } from '@moect/tensor';
import { z } from 'zod';
import type { MoectConfig } from './moect-config.ts';

const count = (): z.ZodInt => z.int().positive();
const share = (): z.ZodNumber => z.number().min(0).max(1);
const files = (): z.ZodArray<z.ZodString> =>
  z.array(z.string().min(1)).min(1).describe('.txt or .jsonl, also with .gz; relative to this file');
const code = (): z.ZodString => z.string().min(1).describe('for example swh_Latn');

// JSON on disk has no `undefined`, which the type of our settings allows for
const settings = (): z.ZodType<Settings> => z.record(z.string(), z.json()) as z.ZodType<Settings>;

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

const data = z.strictObject({
  sequenceLength: count().exactOptional().describe("tokens; default: the base's context, at most 512"),
  format: z
    .enum(['lines', 'blocks', 'whole', 'jsonl'])
    .exactOptional()
    .describe('what a document is; default: lines for .txt, jsonl for .jsonl'),
  textField: z.string().min(1).exactOptional().describe("JSONL field with the text; default 'text'"),
  endOfDocument: z
    .boolean()
    .exactOptional()
    .describe('the model learns to end documents; default: where the tokenizer has an end-of-sequence token'),
  heldOut: z
    .number()
    .min(0)
    .max(0.5)
    .exactOptional()
    .describe('share of the documents kept out of training, written to held-out/; default 0.05'),
});

const training = z.strictObject({
  steps: count().exactOptional().describe('optimizer steps; give one of steps, tokens, epochs'),
  tokens: count().exactOptional().describe('tokens of all languages, replay included'),
  epochs: z.number().positive().exactOptional().describe('passes over the new languages; default 4'),
  batchSize: count().exactOptional().describe('sequences; default: about 2,048 tokens'),
  accumulation: count().exactOptional().describe('batches in one optimizer step; default 1'),
  learningRate: z
    .number()
    .positive()
    .exactOptional()
    .describe("default: the preset's rule for this base's size"),
  schedule: z.enum(['cosine', 'linear', 'constant']).exactOptional().describe('default: cosine'),
  warmup: share().exactOptional().describe('share of the steps'),
  finalRate: share().exactOptional().describe('learning rate at the end, as a share of the highest'),
  maxGradNorm: z.number().positive().exactOptional().describe('gradients are clipped to it; default 1'),
  weightDecay: z.number().min(0).exactOptional().describe('default 0'),
  seed: z.int().min(0).exactOptional().describe('default 0'),
  checkpointEvery: count().exactOptional().describe('steps; default: a tenth of the run, at least 20'),
  evaluateEvery: count().exactOptional().describe('steps; default: only at the end'),
  statisticsEvery: count()
    .exactOptional()
    .describe('steps between gate and expert statistics; default: never'),
  recompute: z
    .boolean()
    .exactOptional()
    .describe('less memory for more time, same bits: layers run again on the way back; default false'),
});

const evaluationLanguage = z.strictObject({
  code: code(),
  role: z.enum(['new', 'old', 'unseen']),
  files: files(),
});

/** The configuration file of `moect train`. Unknown keys are refused. */
export const configSchema: z.ZodType<MoectConfig> = z.strictObject({
  base: z.string().min(1).describe('folder with config.json, safetensors weights and tokenizer.json'),
  baseStorage: z
    .enum(['float32', 'bfloat16', 'int8'])
    .exactOptional()
    .describe(
      "the base's matrices in memory: bfloat16 half (exact for bfloat16 files), int8 a quarter; default float32",
    ),
  preset: z
    .string()
    .min(1)
    .exactOptional()
    .describe('moe-ct, moe-ct-paper, moe-ct-mixture, ct, ct-replay, lora-ct'),
  method: settings().exactOptional().describe("settings of the preset's method that differ from the preset"),
  languages: z.array(language).min(1),
  replay: z
    .strictObject({ share: share().describe('share of the sequences in old languages') })
    .exactOptional(),
  data: data.exactOptional(),
  training: training.exactOptional(),
  evaluation: z
    .strictObject({ languages: z.array(evaluationLanguage).min(1).describe('default: the held-out share') })
    .exactOptional(),
  extension: z
    .strictObject({
      dtype: z.enum(['f32', 'bf16']).exactOptional().describe('of the saved weights; default f32'),
      license: z.string().min(1).exactOptional().describe('SPDX name, for the model card'),
    })
    .exactOptional(),
  cache: z
    .strictObject({
      folder: z.string().min(1).describe('shared by runs; relative to this file'),
      maxBytes: count().exactOptional().describe('default 16 GiB'),
    })
    .exactOptional()
    .describe('keeps what the frozen layers below the extension make of the text, rounded to bf16'),
  backend: z
    .strictObject({
      name: z.enum(['auto', ...BACKEND_NAMES]).exactOptional(),
      threads: count().exactOptional(),
      gpuMemoryBytes: count()
        .exactOptional()
        .describe('of a GPU, to stay within: WebGPU does not tell how much there is; default: not checked'),
    })
    .exactOptional(),
  output: z.string().min(1).exactOptional().describe("folder of the run; default 'run'"),
  resolved: settings().exactOptional().describe('written by moect into resolved.json, not read'),
});

/** JSON Schema (2020-12) of the configuration file, for editors. */
export function configJsonSchema(): object {
  return z.toJSONSchema(configSchema, { target: 'draft-2020-12' });
}
