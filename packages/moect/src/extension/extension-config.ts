import { type BaseIdentity, type ConfigProblem, CorruptDataError, type Settings } from '@moect/core';
import { PREFIX_TOKENS, type PrefixToken } from '@moect/data';
import { z } from 'zod';
import { type OwnPart, PART_KINDS } from '../parts/parts.ts';
import type { RecordedText } from '../training/text-settings.ts';

export const EXTENSION_CONFIG_FILE = 'moect_config.json';
export const EXTENSION_WEIGHTS_FILE = 'moect_model.safetensors';
export const MODEL_CARD_FILE = 'README.md';

/** Summary of the training, for people and for reports. */
export interface TrainingSummary {
  readonly steps: number;
  /** Step whose weights these are, where that is not the last: that of the best evaluation. */
  readonly keptStep?: number | undefined;
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
    /** Tokens in one epoch. */
    readonly tokens: number;
    /** Tokens in the whole run. */
    readonly trainedTokens: number;
  }[];
}

/** What stood in front of a text in training. */
export interface TextTokens {
  readonly prefixToken: PrefixToken;
  readonly prefixIds: readonly number[];
}

/** `moect_config.json`. */
export interface ExtensionConfigFile {
  readonly schema: 'moect-extension/1';
  readonly method: string;
  /** Settings of the method, defaults filled in: enough to attach again. */
  readonly config: Settings;
  /** Default use: `gate`, or the name of a combination. */
  readonly combine: string;
  /** Preset of the training. */
  readonly preset: string | null;
  /** Parts that it needs beside the built-in ones; absent if there are none. */
  readonly parts?: readonly OwnPart[] | undefined;
  readonly languages: readonly { readonly code: string; readonly role: 'old' | 'new' }[];
  readonly license: string | null;
  /** How its text was read. Absent in extensions of before it was recorded: lines, `text`, no normalisation. */
  readonly text?: RecordedText | undefined;
  readonly base: BaseIdentity;
  /** Number of weights. */
  readonly parameters: number;
  /** Whole numbers of its counts of n-grams; absent where it has none. */
  readonly ngrams?: number | undefined;
  readonly dtype: 'f32' | 'bf16';
  /** What stood in front of a text; absent in packs of moect 0.1, which had another rule. */
  readonly tokens?: TextTokens | undefined;
  readonly training: TrainingSummary | null;
}

const settings: z.ZodType<Settings> = z.record(z.string(), z.json()) as z.ZodType<Settings>;

const count = (): z.ZodInt => z.int().min(0);

const training: z.ZodType<TrainingSummary> = z.strictObject({
  steps: count(),
  keptStep: count().optional(),
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
  text: z
    .strictObject({
      normalization: z.enum(['NFC', 'none']),
      textField: z.string().min(1),
      format: z.enum(['lines', 'blocks', 'whole', 'jsonl']).optional(),
    })
    .optional(),
  base: z.strictObject({
    id: z.string(),
    revision: z.string().nullable(),
    sha256: z.string().regex(/^[0-9a-f]{64}$/, 'is no SHA-256'),
  }),
  parameters: count(),
  ngrams: count().optional(),
  dtype: z.enum(['f32', 'bf16']),
  tokens: z
    .strictObject({ prefixToken: z.enum(PREFIX_TOKENS), prefixIds: z.array(count()).min(1) })
    .optional(),
  training: training.nullable(),
});

/** Checks the contents of `moect_config.json`. Throws CorruptDataError with every problem. */
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
