import { CorruptDataError, type Document, InvalidConfigError, type Tokenizer } from '@moect/core';
import { Sha256 } from '../hashing/sha256.ts';

/** All tokens of one language in one array, without special tokens. */
export interface TokenCache {
  /** Document d is `tokens[offsets[d]]` up to, without, `tokens[offsets[d + 1]]`. */
  readonly tokens: Int32Array;
  /** [documents + 1] */
  readonly offsets: Int32Array;
  /** UTF-8 bytes of all documents. */
  readonly textBytes: number;
  /** Number of documents without a token; they are left out. */
  readonly emptyDocuments: number;
}

const encoder = new TextEncoder();
const largestCount = 2 ** 31 - 1;

/** An Int32Array that grows. */
class TokenBuffer {
  #data = new Int32Array(1 << 16);
  length = 0;

  append(ids: readonly number[]): void {
    const needed = this.length + ids.length;
    if (needed > this.#data.length) {
      const larger = new Int32Array(Math.max(needed, this.#data.length * 2));
      larger.set(this.#data.subarray(0, this.length));
      this.#data = larger;
    }
    this.#data.set(ids, this.length);
    this.length = needed;
  }

  take(): Int32Array {
    return this.#data.slice(0, this.length);
  }
}

function checkIds(ids: readonly number[], vocabSize: number, document: Document): void {
  const wrong = ids.find((id) => !(Number.isInteger(id) && id >= 0 && id < vocabSize));
  if (wrong === undefined) return;
  throw new CorruptDataError(
    document.id,
    `the tokenizer gave id ${wrong}, outside 0 to ${vocabSize - 1}`,
    'Check that tokenizer.json and tokenizer_config.json belong together.',
  );
}

/**
 * Encodes documents one after another. Throws CorruptDataError where the tokenizer gives an id outside its own
 * vocabulary, InvalidConfigError above 2^31 − 1 tokens (use several caches).
 */
export async function tokenizeDocuments(
  tokenizer: Tokenizer,
  documents: Iterable<Document> | AsyncIterable<Document>,
): Promise<TokenCache> {
  const buffer = new TokenBuffer();
  const offsets = [0];
  let textBytes = 0;
  let emptyDocuments = 0;
  for await (const document of documents) {
    const ids = tokenizer.encode(document.text);
    checkIds(ids, tokenizer.vocabSize, document);
    if (ids.length === 0) {
      emptyDocuments++;
      continue;
    }
    if (buffer.length + ids.length > largestCount) {
      const message = `hold more than ${largestCount} tokens`;
      throw new InvalidConfigError('Tokenising', [{ path: 'documents', message }], 'Use several caches.');
    }
    buffer.append(ids);
    offsets.push(buffer.length);
    textBytes += encoder.encode(document.text).length;
  }
  return { tokens: buffer.take(), offsets: Int32Array.from(offsets), textBytes, emptyDocuments };
}

/** SHA-256 of the tokens and the document boundaries, in hexadecimal. */
export function tokenCacheFingerprint(cache: TokenCache): string {
  return new Sha256().update('token-cache/1\n').updateInt32(cache.offsets).updateInt32(cache.tokens).hex();
}

/** The token put before each document: BOS, or EOS where there is none. Throws InvalidConfigError without either. */
export function prefixTokenId(tokenizer: Tokenizer): number {
  const id = tokenizer.bosTokenId ?? tokenizer.eosTokenIds[0];
  if (id !== undefined) return id;
  throw new InvalidConfigError(
    'Tokenizer',
    [{ path: 'bosTokenId', message: 'is missing, and there is no end-of-sequence token either' }],
    'Give packDocuments a bosTokenId of your choice.',
  );
}
