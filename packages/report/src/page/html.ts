/** Markup that is safe to insert as it is. */
export interface Html {
  readonly markup: string;
}

type Insert = Html | string | number | null | false | undefined | readonly Insert[];

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ESCAPES[character]!);
}

function insert(value: Insert): string {
  if (value === null || value === undefined || value === false) return '';
  if (typeof value === 'string' || typeof value === 'number') return escapeHtml(String(value));
  if (Array.isArray(value)) return value.map(insert).join('');
  return (value as Html).markup;
}

/** Markup from a template; everything inserted is escaped unless it is markup itself. */
export function html(strings: TemplateStringsArray, ...values: readonly Insert[]): Html {
  return { markup: strings.reduce((text, part, i) => text + insert(values[i - 1]) + part) };
}

/** Text that is markup already, from a source that escapes. */
export function raw(markup: string): Html {
  return { markup };
}
