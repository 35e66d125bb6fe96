import { randomUUID } from 'node:crypto';
import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { CorruptDataError } from '@moect/core';
import { Sha256 } from '../hashing/sha256.ts';
import type { TokenCache } from '../packing/tokenize-documents.ts';

/** First bytes of the file: name and version of the format. */
const magic = 'MOECTTK1';
const prefixBytes = magic.length + 4;

interface Header {
  /** Names what the tokens were made from; a reader with another key must make them anew. */
  readonly key: string;
  readonly documents: number;
  readonly tokens: number;
  readonly textBytes: number;
  readonly emptyDocuments: number;
  /** See `TokenCache`. */
  readonly controlNames?: number;
  readonly lossyDocuments?: number;
  /** Where true, `predicted` and `firstIds` follow the tokens. */
  readonly hasConversations?: boolean;
  /** Digest of everything behind the header. */
  readonly sha256: string;
}

const padTo4 = (length: number): number => (4 - (length % 4)) % 4;

function littleEndianBytes(values: Int32Array): Uint8Array {
  const view = new DataView(new ArrayBuffer(values.length * 4));
  for (let i = 0; i < values.length; i++) view.setInt32(i * 4, values[i]!, true);
  return new Uint8Array(view.buffer);
}

function int32From(bytes: Uint8Array, count: number): Int32Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, count * 4);
  return Int32Array.from({ length: count }, (_, i) => view.getInt32(i * 4, true));
}

const countsOf = ({
  controlNames,
  lossyDocuments,
}: Pick<TokenCache, 'controlNames' | 'lossyDocuments'>): Pick<
  TokenCache,
  'controlNames' | 'lossyDocuments'
> => ({
  ...(controlNames !== undefined && { controlNames }),
  ...(lossyDocuments !== undefined && { lossyDocuments }),
});

/** Offsets, tokens, and of conversations the first inputs and what is predicted. */
function payloadOf({ offsets, tokens, firstIds, predicted }: TokenCache): Buffer {
  const parts: Uint8Array[] = [littleEndianBytes(offsets), littleEndianBytes(tokens)];
  if (firstIds !== undefined && predicted !== undefined) parts.push(littleEndianBytes(firstIds), predicted);
  return Buffer.concat(parts);
}

/**
 * Writes tokens to a file: magic, header length (uint32), JSON header, offsets, tokens; all little-endian.
 * The file is renamed into place, so a reader never meets half of one.
 * @param key names what the tokens depend on, for example a hash of text and tokenizer
 */
export async function writeTokenCache(file: string, cache: TokenCache, key: string): Promise<void> {
  const payload = payloadOf(cache);
  const header: Header = {
    key,
    documents: cache.offsets.length - 1,
    tokens: cache.tokens.length,
    textBytes: cache.textBytes,
    emptyDocuments: cache.emptyDocuments,
    ...countsOf(cache),
    ...(cache.firstIds !== undefined && { hasConversations: true }),
    sha256: new Sha256().update(payload).hex(),
  };
  const json = Buffer.from(JSON.stringify(header));
  const padded = Buffer.concat([json, Buffer.alloc(padTo4(json.length), ' ')]);
  const length = Buffer.alloc(4);
  length.writeUInt32LE(padded.length);
  const temporary = `${file}.${randomUUID()}.tmp`;
  try {
    await writeFile(temporary, Buffer.concat([Buffer.from(magic), length, padded, payload]));
    await rename(temporary, file);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

function damaged(file: string, reason: string, cause?: unknown): CorruptDataError {
  return new CorruptDataError(file, reason, 'Delete the file; it is made anew from the text.', cause);
}

function parseHeader(file: string, bytes: Uint8Array): { header: Header; payload: Uint8Array } {
  const text = new TextDecoder();
  if (bytes.length < prefixBytes || text.decode(bytes.subarray(0, magic.length)) !== magic) {
    throw damaged(file, 'is no token cache');
  }
  const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(magic.length, true);
  const end = prefixBytes + length;
  if (end > bytes.length) throw damaged(file, `ends inside its header of ${length} bytes`);
  try {
    const header = JSON.parse(text.decode(bytes.subarray(prefixBytes, end))) as Header;
    return { header, payload: bytes.subarray(end) };
  } catch (cause) {
    throw damaged(file, 'has a header that is not JSON', cause);
  }
}

/**
 * Reads what {@link writeTokenCache} wrote.
 * @returns null where the file does not exist or was made under another key.
 * Throws CorruptDataError for truncated, extended or altered files.
 */
export async function readTokenCache(file: string, key: string): Promise<TokenCache | null> {
  const bytes = await readFile(file).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw error;
  });
  if (bytes === null) return null;
  const { header, payload } = parseHeader(file, bytes);
  if (header.key !== key) return null;
  const { documents, tokens, hasConversations = false } = header;
  const plainEnd = (documents + 1 + tokens) * 4;
  const expected = plainEnd + (hasConversations ? documents * 4 + tokens : 0);
  if (payload.length !== expected) {
    throw damaged(file, `has ${payload.length} bytes behind its header, which announces ${expected}`);
  }
  if (new Sha256().update(payload).hex() !== header.sha256) {
    throw damaged(file, 'does not have the SHA-256 that its header names');
  }
  const offsetsEnd = (documents + 1) * 4;
  const masksAt = plainEnd + documents * 4;
  return {
    offsets: int32From(payload, documents + 1),
    tokens: int32From(payload.subarray(offsetsEnd), tokens),
    ...(hasConversations && {
      predicted: Uint8Array.from(payload.subarray(masksAt)),
      firstIds: int32From(payload.subarray(plainEnd), documents),
    }),
    textBytes: header.textBytes,
    emptyDocuments: header.emptyDocuments,
    ...countsOf(header),
  };
}
