import type { Document, Tokenizer } from '@moect/core';

/** Counts of what a tokenizer makes of the text of one language. */
export interface Fertility {
  readonly language: string;
  readonly documents: number;
  /** UTF-8 bytes. */
  readonly bytes: number;
  /** Code points. */
  readonly characters: number;
  /** Runs without white space; says little for scripts that do not write it. */
  readonly words: number;
  readonly tokens: number;
  readonly bytesPerToken: number;
  readonly tokensPerWord: number;
}

type Counts = { -readonly [K in 'documents' | 'bytes' | 'characters' | 'words' | 'tokens']: number };

const encoder = new TextEncoder();

/**
 * Tokenizer fertility of each language met, in order of first appearance. Few bytes per token mean short context and
 * dear training for that language; bits per byte, not perplexity, then compare languages and tokenizers.
 */
export async function fertilityReport(
  tokenizer: Tokenizer,
  documents: Iterable<Document> | AsyncIterable<Document>,
): Promise<Fertility[]> {
  const byLanguage = new Map<string, Counts>();
  for await (const { language, text } of documents) {
    const counts = byLanguage.get(language) ?? { documents: 0, bytes: 0, characters: 0, words: 0, tokens: 0 };
    byLanguage.set(language, counts);
    counts.documents++;
    counts.bytes += encoder.encode(text).length;
    for (const _ of text) counts.characters++;
    counts.words += text.match(/\S+/gu)?.length ?? 0;
    counts.tokens += tokenizer.encode(text).length;
  }
  return [...byLanguage].map(([language, counts]) => ({
    language,
    ...counts,
    bytesPerToken: counts.tokens === 0 ? 0 : counts.bytes / counts.tokens,
    tokensPerWord: counts.words === 0 ? 0 : counts.tokens / counts.words,
  }));
}
