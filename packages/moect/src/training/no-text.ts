import { InvalidConfigError } from '@moect/core';
import { describeReading, type ReadReport } from '@moect/data';

/** The error for a language without any text left, with what was met in its place. */
export function withoutText(code: string, reports: readonly ReadReport[]): InvalidConfigError {
  const problems = reports.map((report) => {
    const others = Object.keys(report.otherLanguages);
    const all = report.documents;
    const message =
      others.length > 0
        ? `all ${all} records name another language than '${code}': ${others.slice(0, 5).join(', ')}`
        : [
            'no document with text',
            ...describeReading(report).map((note) => note.slice(report.source.length + 2)),
          ].join('; ');
    return { path: report.source, message };
  });
  return new InvalidConfigError(
    `Text of ${code}`,
    problems.length > 0 ? problems : [{ path: 'texts', message: 'no document with text' }],
  );
}
