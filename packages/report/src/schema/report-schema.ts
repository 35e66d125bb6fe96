import { z } from 'zod';
import type { Report, ReportMethod } from './report.ts';

const optional = <T extends z.ZodType>(type: T): z.ZodExactOptional<T> => type.exactOptional();
const number = (): z.ZodNumber => z.number();
const count = (): z.ZodInt => z.int().nonnegative();
const share = (): z.ZodNumber => z.number().min(0).max(1);
const byLanguage = <T extends z.ZodType>(type: T): z.ZodRecord<z.ZodString, T> => z.record(z.string(), type);
const interval = (): z.ZodTuple<[z.ZodNumber, z.ZodNumber], null> => z.tuple([z.number(), z.number()]);

const language = z.looseObject({
  code: z.string().min(1),
  name: optional(z.string()),
  role: z.enum(['old', 'new', 'unseen']),
  heldOutDocuments: count(),
  heldOutBytes: count(),
  trainedTokens: count(),
  domain: optional(z.string()),
  bytesPerToken: optional(number().positive()),
});

const score = z.looseObject({
  before: number().nonnegative(),
  after: number().nonnegative(),
  change: number(),
  ci95: interval(),
  relativeChange: optional(number()),
  relativeCi95: optional(interval()),
  fewDocuments: optional(z.boolean()),
  hasInterval: optional(z.boolean()),
});

const meanChange = { mean: number(), ci95: interval(), fewDocuments: z.boolean() };

const retention = z.looseObject({
  worstLanguage: z.string(),
  relativeChange: number(),
  ci95: interval(),
  bound: optional(number()),
  kept: optional(z.boolean()),
  languages: optional(
    z.array(
      z.looseObject({
        language: z.string(),
        upper: number(),
        pValue: share(),
        adjustedP: share(),
        kept: z.boolean(),
      }),
    ),
  ),
});

const ratio = z.looseObject({ against: z.string(), value: number(), ci95: interval() });

const logits = z.looseObject({
  tokens: count(),
  bitEqualTokens: count(),
  bitEqualShare: share(),
  maxAbsDifference: number().nonnegative(),
  tokensSentToBase: count().nullable(),
  maxAbsDifferenceSentToBase: number().nonnegative().nullable(),
});

const posterior = z.looseObject({
  language: z.string(),
  documents: count(),
  median: z.array(share()),
  low: z.array(share()),
  high: z.array(share()),
});

const statistics = z.looseObject({
  tokens: count(),
  meanBaseWeight: optional(share()),
  shareOnBase: optional(share()),
  expertLoad: optional(z.array(share())),
});

const sample = z.looseObject({
  language: z.string(),
  prompt: z.string(),
  before: z.string(),
  after: z.string(),
});

const method: z.ZodType<ReportMethod> = z.looseObject({
  name: z.string().min(1),
  seed: z.int(),
  trainableParameters: count(),
  trainedTokens: count(),
  tokensPerSecond: number().nonnegative(),
  bitsPerByte: byLanguage(score),
  label: optional(z.string()),
  description: optional(z.string()),
  learningRate: optional(number().nonnegative()),
  replayShare: optional(share()),
  packBytes: optional(count()),
  retention: optional(retention),
  gain: optional(z.looseObject({ ...meanChange, ratio: optional(ratio) })),
  transfer: optional(z.looseObject(meanChange)),
  logits: optional(byLanguage(logits)),
  mixtureBound: optional(
    z.looseObject({ bound: number(), worst: number(), document: z.string().nullable() }),
  ),
  baseOnlyShare: optional(byLanguage(share())),
  posterior: optional(z.array(posterior)),
  gates: optional(z.record(z.string(), byLanguage(statistics))),
  losses: optional(
    z.array(z.looseObject({ language: z.string(), points: z.array(z.tuple([number(), number()])) })),
  ),
  samples: optional(z.array(sample)),
});

/** The shape of `report.json`. Additional fields are allowed. */
export const reportSchema: z.ZodType<Report> = z.looseObject({
  schema: z.literal('moect-report/1'),
  seconds: number().nonnegative(),
  peakRssBytes: number().nonnegative(),
  backend: z.looseObject({ name: z.string(), threads: count(), detail: z.string() }),
  base: z.looseObject({
    parameters: count(),
    sha256Before: z.string(),
    sha256After: z.string(),
    id: optional(z.string()),
  }),
  languages: z.array(language),
  methods: z.array(method),
  title: optional(z.string()),
  createdAt: optional(z.string()),
  bootstrap: optional(
    z.looseObject({
      resamples: count(),
      seed: z.int(),
      level: share(),
      unit: z.enum(['document', 'cluster']),
    }),
  ),
  notes: optional(z.array(z.string())),
});

/** JSON Schema (2020-12) of `report.json`, as published in `report.schema.json`. */
export function reportJsonSchema(): Record<string, unknown> {
  const { $schema, ...schema } = z.toJSONSchema(reportSchema, { target: 'draft-2020-12', reused: 'ref' });
  return { $schema, title: 'report.json of moect, moect-report/1', ...schema };
}
