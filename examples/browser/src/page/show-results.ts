import type { Score } from '../messages.ts';
import { element, setText } from './elements.ts';

const NAMES = new Intl.DisplayNames(['en'], { type: 'language', fallback: 'code' });

/** `swh_Latn` → `Swahili`, where the browser knows it. */
export function languageName(code: string): string {
  const [language = code] = code.split(/[_-]/);
  // macrolanguage names for the codes that browsers lack
  const known: Readonly<Record<string, string>> = { swh: 'sw', yor: 'yo', isl: 'is', zul: 'zu', fin: 'fi' };
  try {
    const name = NAMES.of(known[language] ?? language) ?? code;
    return name === language ? code : name;
  } catch {
    return code;
  }
}

function cell(tag: 'td' | 'th', text: string, name = ''): HTMLTableCellElement {
  const made = document.createElement(tag);
  made.textContent = text;
  made.className = name;
  if (tag === 'th') made.scope = 'row';
  return made;
}

/** One row a language. `after` is empty until it is measured. */
export function showScores(before: readonly Score[], after: readonly Score[]): void {
  const rows = before.map(({ language, role, bitsPerByte }, i) => {
    const row = document.createElement('tr');
    row.dataset['language'] = language;
    const now = after[i]?.bitsPerByte;
    const change = now === undefined ? null : 100 * (now / bitsPerByte - 1);
    const sign = change !== null && change > 0 ? '+' : '';
    row.append(
      cell('th', `${languageName(language)}${role === 'new' ? ' (new)' : ' (known before)'}`),
      cell('td', bitsPerByte.toFixed(4)),
      cell('td', now?.toFixed(4) ?? '…'),
      cell(
        'td',
        change === null ? '…' : `${sign}${change.toFixed(1).replace('-', '−')} %`,
        (change ?? 0) < -0.05 ? 'better' : '',
      ),
    );
    return row;
  });
  element('scores').replaceChildren(...rows);
}

/** Shows the prompt in grey, followed by its continuation. */
export function showText(id: 'text-base' | 'text-pack', prompt: string, text: string): void {
  const given = document.createElement('mark');
  given.textContent = prompt;
  element(id).replaceChildren(given, text);
}

/** Shows the commands that use the pack. */
export function showCommands(language: string): void {
  setText(
    'commands',
    [
      `unzip ${language}.zip -d ${language}`,
      `npx moect eval --base ./base --extension ${language}/extension --text ${language}/held-out/${language}.jsonl`,
      `npx moect generate --base ./base --extension ${language}/extension --prompt "…"`,
    ].join('\n'),
  );
}

/** Shows a fact about the run, one a line; replaces one of the same name. */
export function showFact(name: string, text: string): void {
  const list = element('facts');
  const id = `fact-${name.replaceAll(' ', '-')}`;
  const existing = document.getElementById(id);
  if (existing !== null) {
    existing.textContent = text;
    return;
  }
  const [term, description] = [document.createElement('dt'), document.createElement('dd')];
  term.textContent = name;
  description.textContent = text;
  description.id = id;
  list.append(term, description);
}
