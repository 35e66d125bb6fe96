import { NoMatchingParameterError } from '@moect/core';
import { type ByteSource, bytesSource } from '../byte-source.ts';
import { readGgufHeader } from './header.ts';
import type { GgufMetadata } from './metadata.ts';
import type { GgufTensorEntry } from './tensor-entries.ts';

/** A checked GGUF file. Tensors are read when asked for. */
export interface GgufFile {
  readonly name: string;
  readonly metadata: GgufMetadata;
  /** In the order of the header. */
  readonly entries: ReadonlyMap<string, GgufTensorEntry>;
  /** Bytes of a tensor as stored, in the blocks of its type. Throws NoMatchingParameterError. */
  bytes(tensor: string): Promise<Uint8Array>;
}

/**
 * Opens a GGUF file (versions 2 and 3, little-endian) and checks that its tensors lie inside it, none across another.
 * Read are tensors in F32, F16, BF16, Q8_0, Q4_0, Q4_1, Q5_0, Q5_1, Q4_K, Q5_K and Q6_K; `@moect/models` gives their values.
 * Throws CorruptDataError, and InvalidConfigError for tensors of other types.
 */
export async function readGguf(source: Uint8Array | ByteSource, name = 'model.gguf'): Promise<GgufFile> {
  const from = source instanceof Uint8Array ? bytesSource(source, name) : source;
  const { metadata, entries } = await readGgufHeader(from);
  return {
    name: from.name,
    metadata,
    entries,
    async bytes(tensor) {
      const entry = entries.get(tensor);
      if (entry === undefined) throw new NoMatchingParameterError(from.name, [tensor], [...entries.keys()]);
      return from.read(entry.begin, entry.end);
    },
  };
}
