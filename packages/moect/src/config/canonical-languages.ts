import type { KeyPath } from './key-path.ts';
import { checkLanguage, isAlias } from './language-codes.ts';
import type { Found } from './meaning-problems.ts';

/** A configuration with canonical language codes. */
export interface Canonical<T> {
  readonly value: T;
  readonly problems: readonly Found[];
  /** Codes that stand for others than they were written as. */
  readonly notes: readonly string[];
}

class Codes {
  readonly problems: Found[] = [];
  readonly notes: string[] = [];

  /**
   * The canonical code; that of an equal language among `known`, so that languages meet whatever alias each is given by.
   * Codes without the shape of one are the schema's business.
   */
  canonical(given: string, path: KeyPath, known: readonly string[]): string {
    if (!CODE.test(given)) return given;
    const checked = checkLanguage(given);
    if ('problem' in checked) {
      this.problems.push({ path, message: checked.problem });
      return given;
    }
    const code = known.find((other) => isAlias(other, checked.code)) ?? checked.code;
    if (checked.note !== null && !this.notes.includes(checked.note)) this.notes.push(checked.note);
    return code;
  }
}

/** Characters of a code. */
export const CODE: RegExp = /^[A-Za-z0-9][A-Za-z0-9_-]*$/;

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function listWith(codes: Codes, list: unknown, path: KeyPath, known: string[]): unknown {
  if (!Array.isArray(list)) return list;
  return list.map((entry: unknown, i) => {
    if (!isRecord(entry) || typeof entry['code'] !== 'string') return entry;
    const code = codes.canonical(entry['code'], [...path, i, 'code'], known);
    known.push(code);
    return { ...entry, code };
  });
}

/**
 * Language codes of a configuration file in their canonical form. One that moect wrote (`resolved.json`) has the codes of
 * its run and stays as it is, as does one of a run that began before codes were made canonical.
 */
export function canonicalConfig(value: unknown, isEarlier = false): Canonical<unknown> {
  const codes = new Codes();
  if (!isRecord(value) || isEarlier || value['resolved'] !== undefined)
    return { value, problems: [], notes: [] };
  const known: string[] = [];
  const languages = listWith(codes, value['languages'], ['languages'], known);
  const { evaluation } = value;
  const evaluated = isRecord(evaluation)
    ? {
        evaluation: {
          ...evaluation,
          languages: listWith(codes, evaluation['languages'], ['evaluation', 'languages'], [...known]),
        },
      }
    : {};
  const canonical = { ...value, ...(languages !== undefined && { languages }), ...evaluated };
  return { value: canonical, problems: codes.problems, notes: codes.notes };
}

function keysOf(codes: Codes, texts: unknown, path: string, known: string[]): unknown {
  if (!isRecord(texts)) return texts;
  const entries = Object.entries(texts).map(([given, text]) => {
    const code = codes.canonical(given, [path, given], known);
    return [code, text] as const;
  });
  const twice = entries.findIndex(([code], i) => entries.findIndex(([other]) => other === code) < i);
  if (twice !== -1) {
    const given = Object.keys(texts)[twice]!;
    codes.problems.push({
      path: [path, given],
      message: `is '${entries[twice]![0]}', which is given already`,
    });
  }
  known.push(...entries.map(([code]) => code));
  return Object.fromEntries(entries);
}

/** The same for the options of a program, whose texts have codes as keys. */
export function canonicalOptions(value: Record<string, unknown>): Canonical<Record<string, unknown>> {
  const codes = new Codes();
  const known: string[] = [];
  const found: Record<string, unknown> = { ...value };
  for (const key of ['languages', 'replay', 'weights', 'evaluation']) {
    const own = key === 'weights' || key === 'evaluation' ? [...known] : known;
    if (value[key] !== undefined) found[key] = keysOf(codes, value[key], key, own);
  }
  return { value: found, problems: codes.problems, notes: codes.notes };
}
