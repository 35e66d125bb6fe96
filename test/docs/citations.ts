import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

export const root: string = path.resolve(import.meta.dirname, '../..');

/** A place in the documentation that a comment, a test's name or a page points to. */
export interface Citation {
  /** Path from the root. */
  readonly file: string;
  /** `3.1` for a section, `3b` for a law, null for a whole page. */
  readonly number: string | null;
}

const SECTION = '§\\d+(?:\\.\\d+)*';
const PAGE = new RegExp(`(?<=^|[^\\w/.-])(docs/)?([\\w-]+\\.md)((?:(?:,| and|;)? ${SECTION})*)`, 'g');
const LAWS = /\blaws? (\d+b?(?:(?:, | and )\d+b?)*)/g;

/** Comments run over line ends; a citation may be cut there. */
function flatten(text: string): string {
  return text.replace(/\s*\n\s*(?:\*(?!\/)|\/\/)?\s*/g, ' ');
}

/**
 * Citations of a text: `docs/method.md §2 and §3.1`, `docs/metrics.md`, `law 4`, `laws 1 and 4`. Pages of docs/ may leave
 * out `docs/` among themselves.
 * @returns also unclear texts, which name no file: a bare `§`, or a section of a page outside docs/
 */
export function citationsOf(text: string, inDocs = false): { found: Citation[]; unclear: string[] } {
  const flat = flatten(text);
  const found: Citation[] = [];
  const rest = flat.replace(PAGE, (whole, docs: string | undefined, page: string, sections: string) => {
    if (docs === undefined && !(inDocs && sections !== '')) return whole;
    const file = `docs/${page}`;
    const numbers = [...sections.matchAll(/§([\d.]+\d|\d)/g)].map(([, number]) => number!);
    for (const number of numbers.length > 0 ? numbers : [null]) found.push({ file, number });
    return '';
  });
  for (const [, numbers] of flat.matchAll(LAWS)) {
    for (const number of numbers!.split(/, | and /)) found.push({ file: 'docs/laws.md', number });
  }
  const unclear = [...rest.matchAll(/.{0,40}§.{0,20}/g)].map(([around]) => around);
  return { found, unclear };
}

/** Numbers of a page's numbered headings: `## 3b The bound` gives `3b`. */
export function headingNumbers(page: string): Set<string> {
  const text = readFileSync(path.join(root, page), 'utf8');
  return new Set([...text.matchAll(/^#+ (\d+(?:\.\d+)*b?) /gm)].map(([, number]) => number!));
}

/** Reason why a citation leads nowhere, or null. */
export function problemOf({ file, number }: Citation): string | null {
  if (!existsSync(path.join(root, file))) return `${file} does not exist`;
  if (number === null || headingNumbers(file).has(number)) return null;
  return `${file} has no section ${number}`;
}

const SKIPPED = new Set(['node_modules', 'dist', 'generated', 'fixtures', 'results', 'out']);

/** Sources and pages under a folder of the repository, as paths from the root. */
export function* textsUnder(folder: string): Generator<string> {
  for (const entry of readdirSync(path.join(root, folder), { withFileTypes: true })) {
    const file = `${folder}/${entry.name}`;
    if (entry.isDirectory()) {
      if (!SKIPPED.has(entry.name) && !entry.name.startsWith('.')) yield* textsUnder(file);
    } else if (/\.(ts|mjs|cjs|js|md|html|css|yaml)$/.test(entry.name)) yield file;
  }
}
