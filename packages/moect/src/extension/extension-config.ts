import { type BaseIdentity, type ConfigProblem, CorruptDataError, type Settings } from '@moect/core';
import { z } from 'zod';
import { type OwnPart, PART_KINDS } from '../parts/parts.ts';

export const EXTENSION_CONFIG_FILE = 'moect_config.json';
export const EXTENSION_WEIGHTS_FILE = 'moect_model.safetensors';
export const MODEL_CARD_FILE = 'README.md';

/** What the training was, for people and for reports. */
export interface TrainingSummary {
  readonly steps: number;
  /** Tokens with a target, replay included. */
  readonly tokens: number;
  readonly sequenceLength: number;
  /** Sequences in one optimizer step. */
  readonly batchSize: number;
  readonly learningRate: number;
  readonly seed: number;
  /** Share of the sequences in old languages. */
  readonly replayShare: number;
  readonly languages: readonly {
    readonly code: string;
    readonly role: 'new' | 'old';
    readonly documents: number;
    /** In one epoch. */
    readonly tokens: number;
    /** In the whole run. */
    readonly trainedTokens: number;
  }[];
}

/** `moect_config.json`. */
export interface ExtensionConfigFile {
  readonly schema: 'moect-extension/1';
  readonly method: string;
  /** Of the method, defaults filled in: enough to attach again. */
  readonly config: Settings;
  /** How it is used when nothing else is asked for: `gate`, or the name of a combination. */
  readonly combine: string;
  /** Preset that it was made with. */
  readonly preset: string | null;
  /** What it needs beside the built-in parts; absent where that is nothing. */
  readonly parts?: readonly OwnPart[] | undefined;
  readonly languages: readonly { readonly code: string; readonly role: 'old' | 'new' }[];
  readonly license: string | null;
  readonly base: BaseIdentity;
  /** Numbers in the weights. */
  readonly parameters: number;
  readonly dtype: 'f32' | 'bf16';
  readonly training: TrainingSummary | null;
}

const settings: z.ZodType<Settings> = z.record(z.string(), z.json()) as z.ZodType<Settings>;

const count = (): z.ZodInt => z.int().min(0);

const training: z.ZodType<TrainingSummary> = z.strictObject({
  steps: count(),
  tokens: count(),
  sequenceLength: count(),
  batchSize: count(),
  learningRate: z.number(),
  seed: z.int(),
  replayShare: z.number(),
  languages: z.array(
    z.strictObject({
      code: z.string(),
      role: z.enum(['new', 'old']),
      documents: count(),
      tokens: count(),
      trainedTokens: count(),
    }),
  ),
});

const fileSchema: z.ZodType<ExtensionConfigFile> = z.strictObject({
  schema: z.literal('moect-extension/1'),
  method: z.string().min(1),
  config: settings,
  combine: z.string().min(1),
  preset: z.string().nullable(),
  parts: z
    .array(z.strictObject({ kind: z.enum(PART_KINDS), name: z.string(), from: z.string().nullable() }))
    .optional(),
  languages: z.array(z.strictObject({ code: z.string().min(1), role: z.enum(['old', 'new']) })),
  license: z.string().nullable(),
  base: z.strictObject({
    id: z.string(),
    revision: z.string().nullable(),
    sha256: z.string().regex(/^[0-9a-f]{64}$/, 'is no SHA-256'),
  }),
  parameters: count(),
  dtype: z.enum(['f32', 'bf16']),
  training: training.nullable(),
});

/** Checks the contents of `moect_config.json`. Throws CorruptDataError naming everything that is wrong. */
export function parseExtensionConfig(value: unknown, source: string): ExtensionConfigFile {
  const parsed = fileSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map(
    (issue): ConfigProblem => ({ path: issue.path.join('.') || '(whole file)', message: issue.message }),
  );
  throw new CorruptDataError(
    source,
    problems.map(({ path, message }) => `${path}: ${message}`).join('; '),
    'Take the folder as moect wrote it; another version of moect may be needed.',
  );
}
