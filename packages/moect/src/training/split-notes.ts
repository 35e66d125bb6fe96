import type { LanguageText } from './pack-text.ts';
import type { EvaluationLanguage } from './run-input.ts';

/** Documents of this many characters are hardly one thing that was written. */
const LONG_DOCUMENT = 100_000;

function noteOf({ code, train, heldOut }: LanguageText, share: number): string | null {
  const documents = train.length + heldOut.length;
  const [only] = train;
  if (documents === 1 && only!.text.length > LONG_DOCUMENT) {
    const length = only!.text.length.toLocaleString('en-US');
    const divide = 'text by lines or paragraphs comes with --format lines or blocks (data.format)';
    return `${code}: the whole text is one document of ${length} characters, none is held out; ${divide}`;
  }
  if (share === 0 || heldOut.length > 0) return null;
  const which = documents === 1 ? 'its one document is' : `all of its ${documents} documents are`;
  return `${code}: ${which} trained on, none is held out to measure it by; give evaluation text or more documents`;
}

/** What a reader should know of the division into training and held-out text. */
export function splitNotes(
  texts: readonly LanguageText[],
  share: number,
  evaluation?: readonly Pick<EvaluationLanguage, 'code'>[],
): string[] {
  const news = texts.filter(({ role }) => role === 'new').map(({ code }) => code);
  const isForeign = evaluation !== undefined && !evaluation.some(({ code }) => news.includes(code));
  const copied = texts.filter(({ copies }) => copies > 0);
  return [
    ...copied.map(({ code, copies }) => `${code}: ${copies} documents are copies of others and left out`),
    ...texts.flatMap((text) => noteOf(text, share) ?? []),
    ...(isForeign
      ? [`no evaluation text is in a new language (${news.join(', ')}): the gain cannot show`]
      : []),
  ];
}
