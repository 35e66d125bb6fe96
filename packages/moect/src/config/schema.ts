import { z } from 'zod';

const count = (): z.ZodInt => z.int().positive();
const share = (): z.ZodNumber => z.number().min(0).max(1);
const files = (): z.ZodArray<z.ZodString> =>
  z.array(z.string().min(1)).min(1).describe('.txt or .jsonl, also with .gz; relative to this file');
const code = (): z.ZodString => z.string().min(1).describe('for example swh_Latn');

const language = z.strictObject({
  code: code(),
  role: z.enum(['new', 'old']).describe('new: to be learned; old: the base knows it, its text is the replay'),
  files: files(),
  weight: z
    .number()
    .positive()
    .optional()
    .describe('how often it is drawn among its role; default: new by size, old equally'),
});

const data = z.strictObject({
  sequenceLength: count().optional().describe("tokens; default: the base's context, at most 512"),
  format: z
    .enum(['lines', 'blocks', 'whole', 'jsonl'])
    .optional()
    .describe('what a document is; default: lines for .txt, jsonl for .jsonl'),
  textField: z.string().min(1).optional().describe("JSONL field with the text; default 'text'"),
  endOfDocument: z
    .boolean()
    .optional()
    .describe('the model learns to end documents; default: where the tokenizer has an end-of-sequence token'),
  heldOut: z
    .number()
    .min(0)
    .max(0.5)
    .optional()
    .describe('share of the documents kept out of training, written to held-out/; default 0.05'),
});

const training = z.strictObject({
  steps: count().optional().describe('optimizer steps; give one of steps, tokens, epochs'),
  tokens: count().optional().describe('tokens of all languages, replay included'),
  epochs: z.number().positive().optional().describe('passes over the new languages; default 4'),
  batchSize: count().optional().describe('sequences; default: about 2,048 tokens'),
  accumulation: count().optional().describe('batches in one optimizer step; default 1'),
  learningRate: z.number().positive().optional().describe("default: the preset's rule for this base's size"),
  schedule: z.enum(['cosine', 'linear', 'constant']).optional().describe('default: cosine'),
  warmup: share().optional().describe('share of the steps'),
  finalRate: share().optional().describe('learning rate at the end, as a share of the highest'),
  maxGradNorm: z.number().positive().optional().describe('gradients are clipped to it; default 1'),
  weightDecay: z.number().min(0).optional().describe('default 0'),
  seed: z.int().min(0).optional().describe('default 0'),
  checkpointEvery: count().optional().describe('steps; default: a tenth of the run, at least 20'),
  evaluateEvery: count().optional().describe('steps; default: only at the end'),
  statisticsEvery: count().optional().describe('steps between gate and expert statistics; default: never'),
});

const evaluationLanguage = z.strictObject({
  code: code(),
  role: z.enum(['new', 'old', 'unseen']),
  files: files(),
});

/** The configuration file of `moect train`. Unknown keys are refused. */
export const configSchema = z.strictObject({
  base: z.string().min(1).describe('folder with config.json, safetensors weights and tokenizer.json'),
  preset: z
    .string()
    .min(1)
    .optional()
    .describe('moe-ct, moe-ct-paper, moe-ct-mixture, ct, ct-replay, lora-ct'),
  method: z
    .record(z.string(), z.json())
    .optional()
    .describe("settings of the preset's method that differ from the preset"),
  languages: z.array(language).min(1),
  replay: z.strictObject({ share: share().describe('share of the sequences in old languages') }).optional(),
  data: data.optional(),
  training: training.optional(),
  evaluation: z
    .strictObject({ languages: z.array(evaluationLanguage).min(1).describe('default: the held-out share') })
    .optional(),
  extension: z
    .strictObject({
      dtype: z.enum(['f32', 'bf16']).optional().describe('of the saved weights; default f32'),
      license: z.string().min(1).optional().describe('SPDX name, for the model card'),
    })
    .optional(),
  backend: z
    .strictObject({
      name: z.enum(['auto', 'wasm', 'cpu']).optional(),
      threads: count().optional(),
    })
    .optional(),
  output: z.string().min(1).optional().describe("folder of the run; default 'run'"),
  resolved: z
    .record(z.string(), z.json())
    .optional()
    .describe('written by moect into resolved.json, not read'),
});

export type MoectConfig = z.infer<typeof configSchema>;

/** JSON Schema (2020-12) of the configuration file, for editors. */
export function configJsonSchema(): object {
  return z.toJSONSchema(configSchema, { target: 'draft-2020-12' });
}
