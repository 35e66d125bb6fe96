import type { ByteSource } from '../byte-source.ts';
import { corruptGguf, HeaderBytes, MoreBytesNeeded } from './header-bytes.ts';
import { type GgufMetadata, readMetadata } from './metadata.ts';
import { type GgufTensorEntry, layOut, readTensorEntries } from './tensor-entries.ts';

export interface GgufHeader {
  readonly metadata: GgufMetadata;
  /** In the order of the header. */
  readonly entries: ReadonlyMap<string, GgufTensorEntry>;
}

/** 'GGUF', lowest byte first. */
const MAGIC = 0x46554747;

/** Fewest bytes of a key with its value, and of a tensor's entry. */
const [KEY_BYTES, ENTRY_BYTES] = [13, 24];

/** Bytes that are read first; headers of large vocabularies have some millions. */
const FIRST_BYTES = 1 << 22;

function checkVersion(header: HeaderBytes): void {
  const magic = header.uint32();
  if (magic !== MAGIC) corruptGguf(header.source, "does not begin with 'GGUF'");
  const version = header.uint32();
  if (version === 2 || version === 3) return;
  // a big-endian file has the version in the other half of the word
  const isSwapped = (version & 0xffff) === 0;
  const what = isSwapped ? 'is written big-endian' : `has version ${version} of the format`;
  corruptGguf(header.source, `${what}; versions 2 and 3, little-endian, are read`);
}

function parse(header: HeaderBytes, fileSize: number): GgufHeader {
  checkVersion(header);
  const tensors = header.count('tensors', ENTRY_BYTES);
  const keys = header.count('keys', KEY_BYTES);
  const metadata = readMetadata(header, keys);
  const entries = readTensorEntries(header, tensors);
  return { metadata, entries: layOut(entries, metadata, header, fileSize) };
}

/**
 * Header of a GGUF file (the format's description in ggml-org/ggml), versions 2 and 3, with every size checked against the file's own.
 * Throws CorruptDataError.
 */
export async function readGgufHeader(source: ByteSource): Promise<GgufHeader> {
  for (let size = FIRST_BYTES; ; size *= 2) {
    const bytes = await source.read(0, Math.min(size, source.size));
    try {
      return parse(new HeaderBytes(bytes, source.size, source.name), source.size);
    } catch (error) {
      if (!(error instanceof MoreBytesNeeded)) throw error;
    }
  }
}
