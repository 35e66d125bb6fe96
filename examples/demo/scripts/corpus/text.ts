/** A training or evaluation text, as the JSONL files hold it. */
export interface TextRecord {
  readonly id: string;
  readonly text: string;
  readonly language: string;
}

const encoder = new TextEncoder();

/** UTF-8 bytes of a text. */
export function byteLength(text: string): number {
  return encoder.encode(text).length;
}

/** One JSON object a line, with a final line break. */
export function toJsonl(records: readonly TextRecord[]): string {
  return records.map((record) => `${JSON.stringify(record)}\n`).join('');
}

/** A sentence with the white space behind it; Chinese closing quotes stay with their sentence. */
const sentence = /[^.!?。．！？]*(?:[.!?。．！？]+[”’"'」）)]*\s*|$)/gu;

function cutLongParagraph(paragraph: string, maxBytes: number): string[] {
  if (byteLength(paragraph) <= maxBytes) return [paragraph];
  const parts: string[] = [];
  let current = '';
  for (const piece of paragraph.match(sentence) ?? []) {
    if (current !== '' && byteLength(current + piece) > maxBytes) {
      parts.push(current.trim());
      current = '';
    }
    current += piece;
  }
  if (current.trim() !== '') parts.push(current.trim());
  return parts;
}

/**
 * Joins neighbouring paragraphs with line breaks into texts of at least `minBytes`; a paragraph above
 * `maxBytes` is first cut at the ends of sentences. Only a sentence longer than `maxBytes` exceeds it,
 * and only the last text of a run may be shorter than `minBytes`.
 */
export function groupParagraphs(
  paragraphs: readonly string[],
  bounds: { readonly minBytes: number; readonly maxBytes: number },
): string[] {
  const texts: string[] = [];
  let current = '';
  for (const piece of paragraphs.flatMap((paragraph) => cutLongParagraph(paragraph, bounds.maxBytes))) {
    const joined = current === '' ? piece : `${current}\n${piece}`;
    if (current !== '' && byteLength(joined) > bounds.maxBytes) {
      texts.push(current);
      current = piece;
    } else {
      current = joined;
    }
    if (byteLength(current) >= bounds.minBytes) {
      texts.push(current);
      current = '';
    }
  }
  if (current !== '') texts.push(current);
  return texts;
}
