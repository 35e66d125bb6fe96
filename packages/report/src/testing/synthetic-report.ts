import type { Report, ReportLanguage, ReportMethod, ReportScore } from '../schema/report.ts';

const languages: ReportLanguage[] = [
  ['eng_Latn', 'English', 'old', 50, 37_400, 0, 'novels, Tatoeba, storybooks', 1.69],
  ['zho_Hans', 'Chinese', 'old', 45, 46_100, 0, 'novels, Tatoeba', 2.07],
  ['swh_Latn', 'Swahili', 'new', 7, 2_100, 29_000, 'UDHR, 7 articles', 3.52],
  ['yor_Latn', 'Yoruba', 'new', 7, 2_510, 41_000, 'UDHR, 7 articles', 5.08],
  ['isl_Latn', 'Icelandic', 'new', 7, 1_830, 27_000, 'UDHR, 7 articles', 5.06],
  ['quy_Latn', 'Quechua', 'new', 7, 1_400, 23_000, 'UDHR, 7 articles', 5.1],
  ['fin_Latn', 'Finnish', 'unseen', 7, 2_050, 0, 'UDHR, 7 articles', 4.94],
].map(
  ([code, name, role, heldOutDocuments, heldOutBytes, trainedTokens, domain]) =>
    ({ code, name, role, heldOutDocuments, heldOutBytes, trainedTokens, domain }) as ReportLanguage,
);

const before: Record<string, number> = {
  eng_Latn: 1.69,
  zho_Hans: 2.07,
  swh_Latn: 3.52,
  yor_Latn: 5.08,
  isl_Latn: 5.06,
  quy_Latn: 5.1,
  fin_Latn: 4.94,
};

function score(code: string, relative: number, halfWidth: number): ReportScore {
  const base = before[code]!;
  return {
    before: base,
    after: base * (1 + relative),
    change: base * relative,
    ci95: [base * (relative - halfWidth), base * (relative + halfWidth)],
    relativeChange: relative,
    relativeCi95: [relative - halfWidth, relative + halfWidth],
    fewDocuments: base > 3,
  };
}

type Shape = readonly [
  name: string,
  label: string,
  english: number,
  chinese: number,
  gainRatio: number,
  parameters: number,
];

const shapes: readonly Shape[] = [
  ['ct', 'Full training', 0.906, 0.372, 1, 1_370_000],
  ['ct-replay', 'Full + 5 % replay', 0.376, 0.206, 0.982, 1_370_000],
  ['lora-ct', 'LoRA + replay', 0.238, 0.136, 0.825, 110_000],
  ['moe-ct-paper', 'MoE-CT, paper', 0.097, 0.034, 0.873, 1_670_000],
  ['moe-ct', 'MoE-CT, guarded', 0.0039, 0.0001, 0.899, 1_940_000],
  ['moe-ct-mixture', 'MoE-CT, mixture', 0.0006, 0.00036, 0.998, 1_960_000],
];

/** Relative change of the new and unseen languages under full training. */
const full: Record<string, number> = {
  swh_Latn: -0.42,
  yor_Latn: -0.56,
  isl_Latn: -0.46,
  quy_Latn: -0.49,
  fin_Latn: 0.18,
};

const codes = languages.map(({ code }) => code);

function extras(name: string): Partial<ReportMethod> {
  const sites = [0, 1, 2, 3, 4, 5];
  const statistics = (layer: number, i: number): object => {
    const old = i < 2;
    const first = 0.5 + 0.35 * Math.sin(1.7 * layer + i);
    return {
      tokens: 1000,
      meanBaseWeight: old ? 0.99 - 0.02 * ((layer + i) % 3) : 0.03 + 0.05 * ((layer * i) % 4),
      shareOnBase: old ? 0.99 : 0.02,
      expertLoad: [first, 1 - first],
    };
  };
  const gates = Object.fromEntries(
    sites.map((layer) => [
      `model.layers.${layer}.mlp`,
      Object.fromEntries(codes.map((code, i) => [code, statistics(layer, i)])),
    ]),
  ) as NonNullable<ReportMethod['gates']>;
  const posterior = codes.map((language, i) => {
    const speed = [1.4, 1.1, -1.6, -2, -0.35, -1.2, 0.3][i]!;
    const curve = (shift: number): number[] =>
      Array.from({ length: 33 }, (_, t) => 1 / (1 + Math.exp(-speed * t + (t === 0 ? 0 : shift))));
    return { language, documents: 7, median: curve(0), low: curve(1.2), high: curve(-1.2) };
  });
  if (name === 'moe-ct') return { gates, replayShare: 0.05, packBytes: 3_900_000 };
  if (name !== 'moe-ct-mixture') return name.includes('replay') ? { replayShare: 0.05 } : {};
  return {
    posterior,
    packBytes: 3_920_000,
    mixtureBound: { bound: 1, worst: 0.9981, document: 'eng-17' },
    baseOnlyShare: { eng_Latn: 0.991, zho_Hans: 0.994 },
  };
}

function losses(ratio: number): NonNullable<ReportMethod['losses']> {
  return codes.slice(2, 6).map((language, i) => ({
    language,
    points: Array.from({ length: 59 }, (_, step) => {
      const wiggle = 0.12 * Math.sin(step * (i + 2.3)) + 0.08 * Math.cos(step * 5.1 + i);
      return [step * 2048, 2.1 + i * 0.25 + 3.4 * ratio * Math.exp(-step / 14) + wiggle] as const;
    }),
  }));
}

/** A report with every part, from numbers near to those of a prototype. Nothing in it was measured by this program. */
export function syntheticReport(seeds: readonly number[] = [0]): Report {
  const methods = seeds.flatMap((seed) =>
    shapes.map(([name, label, english, chinese, gainRatio, trainableParameters]): ReportMethod => {
      const spread = 1 + 0.05 * seed;
      const old = { eng_Latn: english * spread, zho_Hans: chinese * spread } as Record<string, number>;
      const change = (code: string): number =>
        old[code] ??
        full[code]! * (code === 'fin_Latn' ? spread * (name === 'moe-ct-mixture' ? 0.005 : 1) : gainRatio);
      const width = (code: string): number => (code in old ? Math.max(0.0002, 0.12 * old[code]!) : 0.03);
      return {
        name,
        label,
        seed,
        description:
          name === 'moe-ct' ? 'guarded gate, head delta, gate threshold 0.2' : `the method ${name}`,
        trainableParameters,
        trainedTokens: 120_000,
        tokensPerSecond: 2300,
        learningRate: 0.003,
        bitsPerByte: Object.fromEntries(codes.map((code) => [code, score(code, change(code), width(code))])),
        gain: {
          mean: 2.29 * gainRatio,
          ci95: [2.1 * gainRatio, 2.5 * gainRatio],
          fewDocuments: true,
          ratio: { against: 'ct', value: gainRatio, ci95: [gainRatio - 0.025, gainRatio + 0.022] },
        },
        losses: losses(gainRatio),
        ...extras(name),
        ...(seed === 0 && name === 'moe-ct'
          ? {
              samples: [
                {
                  language: 'swh_Latn',
                  prompt: 'Kila mtu ana haki ya ',
                  before: 'the kinati <b>& so',
                  after: 'kuishi na uhuru wake binafsi.',
                },
                {
                  language: 'eng_Latn',
                  prompt: 'Once upon a time ',
                  before: 'there was a king.',
                  after: 'there was a king.',
                },
              ],
            }
          : {}),
      };
    }),
  );
  return {
    schema: 'moect-report/1',
    seconds: 231,
    peakRssBytes: 812_000_000,
    backend: { name: 'wasm', threads: 2, detail: 'WebAssembly, relaxed SIMD, 2 thread(s)' },
    base: {
      id: 'demo-base',
      parameters: 1_369_728,
      sha256Before: '9f2c0d'.padEnd(64, '3'),
      sha256After: '9f2c0d'.padEnd(64, '3'),
    },
    languages,
    methods,
    createdAt: '2026-01-01T00:00:00Z',
    bootstrap: { resamples: 2000, seed: 0, level: 0.95, unit: 'cluster' },
  };
}
