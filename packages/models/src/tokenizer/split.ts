import { damaged } from './check-json.ts';

interface Part {
  readonly start: number;
  end: number;
  readonly isMatch: boolean;
}

/** Matches and what lies between them, in order; all of the text. */
function partsOf(text: string, pattern: RegExp, invert: boolean): Part[] {
  const parts: Part[] = [];
  let at = 0;
  const add = (end: number, isMatch: boolean): void => {
    if (end > at) parts.push({ start: at, end, isMatch: isMatch !== invert });
    at = end;
  };
  for (const match of text.matchAll(pattern)) {
    add(match.index, false);
    add(match.index + match[0].length, true);
  }
  add(text.length, false);
  return parts;
}

/** Joins each part to the one before it where `joins` says so. */
function joined(parts: readonly Part[], joins: (part: Part, before: Part) => boolean): Part[] {
  const result: Part[] = [];
  for (const [i, part] of parts.entries()) {
    if (i > 0 && joins(part, parts[i - 1]!)) result[result.length - 1]!.end = part.end;
    else result.push({ ...part });
  }
  return result;
}

const behaviors: Readonly<Record<string, (parts: readonly Part[]) => readonly Part[]>> = {
  Removed: (parts) => parts.filter(({ isMatch }) => !isMatch),
  Isolated: (parts) => parts,
  Contiguous: (parts) => joined(parts, (part, before) => part.isMatch === before.isMatch),
  MergedWithPrevious: (parts) => joined(parts, (part, before) => part.isMatch && !before.isMatch),
  MergedWithNext: (parts) => joined(parts, (part, before) => before.isMatch && !part.isMatch),
};

/**
 * The pre-tokenizer `Split` of Hugging Face tokenizers (`NormalizedString::split`).
 * @param invert the pattern says what is kept, not what parts it
 * Throws CorruptDataError for another behaviour than the five.
 */
export function splitBy(pattern: RegExp, behavior: unknown, invert: boolean): (text: string) => string[] {
  const apply = typeof behavior === 'string' ? behaviors[behavior] : undefined;
  if (apply === undefined) {
    const names = Object.keys(behaviors).join(', ');
    throw damaged(`a Split behaves as ${JSON.stringify(behavior)}, must be one of ${names}`);
  }
  return (text) => apply(partsOf(text, pattern, invert)).map(({ start, end }) => text.slice(start, end));
}
