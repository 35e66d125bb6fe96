import type { Report, ReportLanguage, ReportMethod, ReportScore } from '../schema/report.ts';
import type { Interval } from '../schema/report-parts.ts';

/** One language under one method, averaged over its seeds. */
export interface ScoreSummary {
  readonly before: number;
  readonly after: number;
  readonly change: number;
  readonly relativeChange: number;
  /** False for a single document. */
  readonly hasInterval: boolean;
  /** Each seed's relative change and interval. */
  readonly seeds: readonly {
    readonly seed: number;
    readonly relativeChange: number;
    readonly ci95: Interval;
  }[];
}

export interface GainRatio {
  readonly against: string;
  readonly value: number;
  /** Only from a single seed: intervals of several seeds do not combine. */
  readonly ci95: Interval | null;
}

/** All runs of one method. */
export interface MethodSummary {
  readonly name: string;
  readonly label: string;
  /** Place in the palette. */
  readonly color: number;
  readonly runs: readonly ReportMethod[];
  readonly scores: ReadonlyMap<string, ScoreSummary>;
  /** The old language with the largest mean relative change. */
  readonly worstOld: (ScoreSummary & { readonly language: string }) | null;
  /** Mean over new languages of before − after, bits per byte. */
  readonly gain: number | null;
  readonly gainRatio: GainRatio | null;
}

const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;

export const relativeChange = (score: ReportScore): number =>
  score.relativeChange ?? score.change / score.before;

/** Interval of the relative change; if only the change's interval is known, that interval ÷ `before`. */
export function relativeInterval(score: ReportScore): Interval {
  return score.relativeCi95 ?? [score.ci95[0] / score.before, score.ci95[1] / score.before];
}

function summarizeScores(code: string, runs: readonly ReportMethod[]): ScoreSummary | null {
  const found = runs.flatMap(({ seed, bitsPerByte }) => {
    const score = bitsPerByte[code];
    return score === undefined ? [] : [{ seed, score }];
  });
  if (found.length === 0) return null;
  const average = (of: (score: ReportScore) => number): number => mean(found.map(({ score }) => of(score)));
  return {
    before: average(({ before }) => before),
    after: average(({ after }) => after),
    change: average(({ change }) => change),
    relativeChange: average(relativeChange),
    hasInterval: found.every(({ score }) => score.hasInterval !== false),
    seeds: found.map(({ seed, score }) => {
      return { seed, relativeChange: relativeChange(score), ci95: relativeInterval(score) };
    }),
  };
}

function worstOldOf(
  languages: readonly ReportLanguage[],
  scores: ReadonlyMap<string, ScoreSummary>,
): MethodSummary['worstOld'] {
  const old = languages.flatMap(({ code, role }) => {
    const score = scores.get(code);
    return role === 'old' && score !== undefined ? [{ ...score, language: code }] : [];
  });
  if (old.length === 0) return null;
  return old.reduce((worst, next) => (next.relativeChange > worst.relativeChange ? next : worst));
}

function gainOf(
  languages: readonly ReportLanguage[],
  scores: ReadonlyMap<string, ScoreSummary>,
): number | null {
  const changes = languages.flatMap(({ code, role }) => {
    const score = scores.get(code);
    return role === 'new' && score !== undefined ? [score.change] : [];
  });
  return changes.length === 0 ? null : -mean(changes);
}

/** The report's own ratio, or the gain over that of full continual training if it was run. */
function gainRatioOf(
  runs: readonly ReportMethod[],
  gain: number | null,
  fullGain: number | null,
): GainRatio | null {
  const ratios = runs.flatMap(({ gain: own }) => (own?.ratio === undefined ? [] : [own.ratio]));
  const [first] = ratios;
  if (first !== undefined && ratios.length === runs.length) {
    const ci95 = ratios.length === 1 ? first.ci95 : null;
    return { against: first.against, value: mean(ratios.map(({ value }) => value)), ci95 };
  }
  if (gain === null || fullGain === null || fullGain <= 0) return null;
  return { against: 'ct', value: gain / fullGain, ci95: null };
}

/** Runs grouped by method, in the order of the report. */
export function summarize({ languages, methods }: Report): MethodSummary[] {
  const names = [...new Set(methods.map(({ name }) => name))];
  const parts = names.map((name) => {
    const runs = methods.filter((method) => method.name === name);
    const scores = new Map(
      languages.flatMap(({ code }) => {
        const summary = summarizeScores(code, runs);
        return summary === null ? [] : [[code, summary] as const];
      }),
    );
    return { name, runs, scores, gain: gainOf(languages, scores) };
  });
  const fullGain = parts.find(({ name }) => name === 'ct')?.gain ?? null;
  return parts.map(({ name, runs, scores, gain }, color) => ({
    name,
    label: runs[0]!.label ?? name,
    color,
    runs,
    scores,
    worstOld: worstOldOf(languages, scores),
    gain,
    gainRatio: gainRatioOf(runs, gain, fullGain),
  }));
}
