import { type ConfigProblem, InvalidConfigError } from '@moect/core';
import type { Report } from './report.ts';
import { reportSchema } from './report-schema.ts';

/** Every code that a method mentions has to be among the languages. */
function unknownLanguages({ languages, methods }: Report): ConfigProblem[] {
  const known = new Set(languages.map(({ code }) => code));
  return methods.flatMap(({ bitsPerByte }, i) =>
    Object.keys(bitsPerByte)
      .filter((code) => !known.has(code))
      .map((code) => {
        return { path: `methods.${i}.bitsPerByte.${code}`, message: 'is not among the languages' };
      }),
  );
}

/**
 * Checks a report, for example one read from `report.json`. Throws InvalidConfigError with every problem.
 * @param source for messages
 */
export function parseReport(value: unknown, source = 'report'): Report {
  const parsed = reportSchema.safeParse(value);
  const problems = parsed.success
    ? unknownLanguages(parsed.data)
    : parsed.error.issues.map(({ path, message }) => ({ path: path.join('.') || '(whole)', message }));
  if (problems.length > 0) throw new InvalidConfigError(source, problems, 'See report.schema.json.');
  return parsed.data!;
}
