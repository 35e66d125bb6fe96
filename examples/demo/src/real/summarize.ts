import type { Report, ReportMethod } from '@moect/report';
import { readJsonFile } from '@moect/safetensors/node';
import type { Measured, RealJob, Trained } from './jobs.ts';
import type { RealLanguage } from './language.ts';

/** A method's row in the table. */
export interface Row {
  readonly method: ReportMethod;
  readonly worstBits: number;
}

export interface Summary {
  readonly report: Report;
  readonly rows: readonly Row[];
}

const NOTES: readonly string[] = [
  'Little text and little training: this shows what each method keeps and gains, not a model that speaks the new language.',
  'Old text was measured on excerpts of one kind; other kinds may fare differently.',
];

interface Part extends Measured {
  readonly trained: Trained;
}

async function readPart(jobs: readonly RealJob[], method: string): Promise<Part> {
  const read = async (kind: RealJob['kind']): Promise<unknown> =>
    readJsonFile(jobs.find((job) => job.kind === kind && job.method === method)!.result);
  return { ...((await read('measuring')) as Measured), trained: (await read('training')) as Trained };
}

/** The report of every method, of those of one each. The results of all jobs must be there. */
export async function summarize(
  jobs: readonly RealJob[],
  languages: readonly RealLanguage[],
): Promise<Summary> {
  const methods = jobs.filter(({ kind }) => kind === 'training').map(({ method }) => method);
  const parts = await Promise.all(methods.map((method) => readPart(jobs, method)));
  const rows = parts.map(({ report, worstBits, trained }, i) => {
    const { label: _, ...method } = report.methods[0]!;
    return { method: { ...method, ...trained, name: methods[i]! }, worstBits };
  });
  const reports = parts.map(({ report }) => report);
  const [first] = reports as [Report];
  const training = parts.map(({ trained }) => trained.trainedTokens / (trained.tokensPerSecond || Infinity));
  const report: Report = {
    ...first,
    title: 'A new language for a small model, and what became of the old one',
    createdAt: new Date().toISOString(),
    seconds: [...training, ...reports.map(({ seconds }) => seconds)].reduce((sum, next) => sum + next, 0),
    peakRssBytes: Math.max(...reports.map(({ peakRssBytes }) => peakRssBytes)),
    languages: first.languages.map((language) => ({
      ...language,
      trainedTokens: Math.max(
        ...reports.map((each) => each.languages.find(({ code }) => code === language.code)!.trainedTokens),
      ),
      domain: languages.find(({ code }) => code === language.code)!.source,
    })),
    methods: rows.map(({ method }) => method),
    notes: NOTES,
  };
  return { report, rows };
}
