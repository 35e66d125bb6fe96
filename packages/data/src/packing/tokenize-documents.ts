import { CorruptDataError, type Document, InvalidConfigError, type Tokenizer } from '@moect/core';
import { Sha256 } from '../hashing/sha256.ts';
import { type DocumentFrame, documentFrame } from './document-frame.ts';
import { encodeDocument } from './encode-document.ts';
import { TextLosses } from './text-losses.ts';

/** All tokens of one language in one array, without the frame's. */
export interface TokenCache {
  /** Document d is `tokens[offsets[d]]` up to, without, `tokens[offsets[d + 1]]`. */
  readonly tokens: Int32Array;
  /** [documents + 1] */
  readonly offsets: Int32Array;
  /** 1 where a token is predicted, else 0 [tokens]. Absent: all of them are. */
  readonly predicted?: Uint8Array;
  /** First input of a document, before its tokens; −1: the frame's prefix [documents]. Absent: always the prefix. */
  readonly firstIds?: Int32Array;
  /** UTF-8 bytes of all documents; of conversations, of their answers. */
  readonly textBytes: number;
  /** Number of documents without a token; they are left out. */
  readonly emptyDocuments: number;
  /** Places that name a control token, such as `</s>`: they are text. Absent: none. */
  readonly controlNames?: number;
  /** Documents of which the tokenizer loses text, at most one in a hundred. Absent: none. */
  readonly lossyDocuments?: number;
}

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

/** A Uint8Array that grows. */
class MaskBuffer {
  #data = new Uint8Array(1 << 16);
  #length = 0;

  append(values: ArrayLike<number>): void {
    const needed = this.#length + values.length;
    if (needed > this.#data.length) {
      const larger = new Uint8Array(Math.max(needed, this.#data.length * 2));
      larger.set(this.#data.subarray(0, this.#length));
      this.#data = larger;
    }
    this.#data.set(values, this.#length);
    this.#length = needed;
  }

  take(): Uint8Array {
    return this.#data.slice(0, this.#length);
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

const isFrame = (given: Tokenizer | DocumentFrame): given is DocumentFrame => 'prefixIds' in given;

/**
 * Encodes documents one after another.
 * @param given the rule of what stands around a text, or a tokenizer for its own
 * Throws CorruptDataError where the tokenizer gives an id outside its own vocabulary; InvalidConfigError where it loses
 * text in more than one document in a hundred, for a conversation that the chat template does not take, and above
 * 2^31 − 1 tokens (use several caches).
 */
export async function tokenizeDocuments(
  given: Tokenizer | DocumentFrame,
  documents: Iterable<Document> | AsyncIterable<Document>,
): Promise<TokenCache> {
  const frame = isFrame(given) ? given : documentFrame(given);
  const { tokenizer } = frame;
  const [buffer, mask, losses] = [new TokenBuffer(), new MaskBuffer(), new TextLosses(tokenizer)];
  const [offsets, firstIds]: [number[], number[]] = [[0], []];
  let [textBytes, emptyDocuments, controlNames, conversations] = [0, 0, 0, 0];
  for await (const document of documents) {
    const encoded = encodeDocument(document, frame);
    const { ids, predicted, bytes } = encoded;
    checkIds(ids, tokenizer.vocabSize, document);
    if (ids.length === 0) {
      emptyDocuments++;
      continue;
    }
    if (buffer.length + ids.length > largestCount) {
      const message = `hold more than ${largestCount} tokens`;
      throw new InvalidConfigError('Tokenising', [{ path: 'documents', message }], 'Use several caches.');
    }
    losses.add(document, encoded);
    buffer.append(ids);
    offsets.push(buffer.length);
    textBytes += bytes;
    controlNames += tokenizer.countControlNames?.(document.text) ?? 0;
    mask.append(predicted ?? new Uint8Array(ids.length).fill(1));
    firstIds.push(predicted === null ? -1 : encoded.prefixIds[0]!);
    if (predicted !== null) conversations++;
  }
  losses.check();
  return {
    tokens: buffer.take(),
    offsets: Int32Array.from(offsets),
    ...(conversations > 0 && { predicted: mask.take(), firstIds: Int32Array.from(firstIds) }),
    textBytes,
    emptyDocuments,
    ...(controlNames > 0 && { controlNames }),
    ...(losses.count > 0 && { lossyDocuments: losses.count }),
  };
}

/** SHA-256 of the tokens and the document boundaries, in hexadecimal. */
export function tokenCacheFingerprint(cache: TokenCache): string {
  const hash = new Sha256().update('token-cache/1\n').updateInt32(cache.offsets).updateInt32(cache.tokens);
  if (cache.predicted === undefined || cache.firstIds === undefined) return hash.hex();
  return hash.updateInt32(cache.firstIds).update(cache.predicted).hex();
}
