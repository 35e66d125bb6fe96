import { NoMatchingParameterError } from '@moect/core';
import { type ByteSource, bytesSource } from './byte-source.ts';
import { checkFinite, decodeValues } from './decode.ts';
import type { HostTensor } from './dtype.ts';
import { headerLength, parseHeader, type SafetensorsEntry } from './header.ts';
import { MISTAKEN_BYTES, refuseMistaken } from './mistaken-file.ts';

/** A checked safetensors file. Tensors are read when asked for. */
export interface SafetensorsFile {
  readonly name: string;
  /** In the order of the header. */
  readonly entries: ReadonlyMap<string, SafetensorsEntry>;
  readonly metadata: Readonly<Record<string, string>>;
  /** Bytes of a tensor as stored. Throws NoMatchingParameterError. */
  bytes(tensor: string): Promise<Uint8Array>;
  /**
   * Values of a tensor: float32 for floating types, int32 for whole numbers and booleans.
   * Throws NoMatchingParameterError, and CorruptDataError for NaN and infinity unless allowed.
   */
  tensor(tensor: string, options?: { readonly allowNonFinite?: boolean }): Promise<HostTensor>;
}

/**
 * Opens a safetensors file with all checks of the format (strict: no holes, no overlaps, nothing left over,
 * no duplicate names).
 * Throws CorruptDataError.
 */
export async function readSafetensors(
  source: Uint8Array | ByteSource,
  name = 'safetensors',
): Promise<SafetensorsFile> {
  const from = source instanceof Uint8Array ? bytesSource(source, name) : source;
  const prefix = await from.read(0, Math.min(MISTAKEN_BYTES, from.size));
  refuseMistaken(prefix, from.name);
  const length = headerLength(prefix, from.size, from.name);
  const start = 8 + length;
  const { entries, metadata } = parseHeader(await from.read(8, start), from.size - start, from.name);
  const entryOf = (tensor: string): SafetensorsEntry => {
    const entry = entries.get(tensor);
    if (entry === undefined) throw new NoMatchingParameterError(from.name, [tensor], [...entries.keys()]);
    return entry;
  };
  const bytes = async (tensor: string): Promise<Uint8Array> => {
    const { begin, end } = entryOf(tensor);
    return from.read(start + begin, start + end);
  };
  return {
    name: from.name,
    entries,
    metadata,
    bytes,
    async tensor(tensor, options = {}) {
      const { dtype, shape } = entryOf(tensor);
      const what = `${from.name}: ${tensor}`;
      const data = decodeValues(await bytes(tensor), dtype, what);
      if (options.allowNonFinite !== true) checkFinite(data, what);
      return { shape, data };
    },
  };
}
