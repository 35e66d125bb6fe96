import { type Document, InvalidConfigError, type Tokenizer } from '@moect/core';
import type { EncodedDocument } from './encode-document.ts';

/** Largest share of the documents that may lose text: beyond it, bits per byte say little (docs/tokens.md §4). */
const MAX_SHARE = 0.01;
/** Decoding costs as much as encoding, so only the first documents are decoded, up to this many characters of each. */
const DECODED_DOCUMENTS = 200;
const DECODED_CHARACTERS = 20_000;

/** Half of a surrogate pair at the end is left out. */
function beginning(text: string): string {
  return text.slice(0, DECODED_CHARACTERS).replace(/[\ud800-\udbff]$/, '');
}

/**
 * Watches what a tokenizer loses while documents are encoded. A token for unknown text is found in every document; text
 * that comes back changed in the first ones.
 */
export class TextLosses {
  readonly #tokenizer: Tokenizer;
  #documents = 0;
  #unknown = 0;
  #decoded = 0;
  #changed = 0;
  #first: { readonly id: string; readonly loss: string } | null = null;

  constructor(tokenizer: Tokenizer) {
    this.#tokenizer = tokenizer;
  }

  add(document: Document, { ids }: Pick<EncodedDocument, 'ids'>): void {
    const { unkTokenId = null } = this.#tokenizer;
    this.#documents++;
    const isUnknown = unkTokenId !== null && ids.includes(unkTokenId);
    if (isUnknown) this.#unknown++;
    if (!isUnknown && this.#decoded >= DECODED_DOCUMENTS) return;
    const loss = this.#tokenizer.lossIn?.(isUnknown ? document.text : beginning(document.text)) ?? null;
    if (!isUnknown) {
      this.#decoded++;
      if (loss !== null) this.#changed++;
    }
    if (this.#first === null && (loss !== null || isUnknown)) {
      this.#first = { id: document.id, loss: loss ?? 'has no token for a part of it' };
    }
  }

  /** Documents that lose text. */
  get count(): number {
    return this.#unknown + this.#changed;
  }

  /** Throws InvalidConfigError where more than one document in a hundred loses text. */
  check(): void {
    const isLossy = (lost: number, of: number): boolean => lost > MAX_SHARE * of;
    if (!isLossy(this.#unknown, this.#documents) && !isLossy(this.#changed, this.#decoded)) return;
    const { id, loss } = this.#first!;
    const message = `loses text in ${this.count} of ${this.#documents} documents; in ${id} it ${loss}`;
    throw new InvalidConfigError(
      "The base's tokenizer",
      [{ path: 'tokenizer.json', message }],
      'What is lost would cost no bits, so bits per byte would mean nothing. Use a base whose tokenizer knows this ' +
        'script: one with byte-level pieces or byte fallback.',
    );
  }
}
