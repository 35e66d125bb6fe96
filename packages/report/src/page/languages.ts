import type { Report, ReportLanguage } from '../schema/report.ts';
import { languageName } from './language-name.ts';
import type { LegendEntry } from './plots/figure.ts';

export const ROLE_NAMES: Readonly<Record<ReportLanguage['role'], string>> = {
  old: 'Old languages (the base knows them)',
  new: 'New languages (trained)',
  unseen: 'Unseen languages (neither)',
};

export const ROLES: readonly ReportLanguage['role'][] = ['old', 'new', 'unseen'];

const DASHES: Readonly<Record<ReportLanguage['role'], NonNullable<LegendEntry['dash']>>> = {
  old: 'dashed',
  new: 'solid',
  unseen: 'dotted',
};

/** Dash pattern of a role's lines, pixels. */
export const DASH_PATTERNS: Readonly<Record<NonNullable<LegendEntry['dash']>, readonly number[]>> = {
  solid: [],
  dashed: [6, 4],
  dotted: [1, 4],
};

/** Appearance of each language in every plot, by its position in the report. */
export function languageStyles(report: Report): Map<string, Required<LegendEntry>> {
  return new Map(
    report.languages.map(({ code, role }, color) => [
      code,
      { label: nameOf(report, code), color, dash: DASHES[role] },
    ]),
  );
}

/** The report's own name of a language, else the platform's, else its code. */
export function nameOf({ languages }: Pick<Report, 'languages'>, code: string): string {
  return languages.find((language) => language.code === code)?.name ?? languageName(code) ?? code;
}
