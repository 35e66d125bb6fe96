import { CorruptDataError, decodeBfloat16, NoMatchingParameterError } from '@moect/core';
import { widenValues } from '@moect/kernels';
import type { GgufFile, GgufTensorEntry, GgufTensorType } from '@moect/safetensors';
import type { BlockStorage } from '@moect/tensor';
import type { WeightStore } from '../hf/weight-store.ts';
import type { RowOrder } from './architecture.ts';

/** Where a tensor of the model lies in the file. */
export interface GgufTensor {
  readonly name: string;
  readonly rowOrder: RowOrder | null;
  /** What the file adds to the values of the model. */
  readonly shift: number;
}

/** Places of the float16 numbers that scale a block, in its bytes. */
const SCALES: Readonly<Record<Exclude<BlockStorage, 'float16'>, readonly number[]>> = {
  q8_0: [0],
  q4_0: [0],
  q4_1: [0, 2],
  q5_0: [0],
  q5_1: [0, 2],
  q4_k: [0, 2],
  q5_k: [0, 2],
  q6_k: [208],
};

const storageOf = ({ name }: GgufTensorType): 'float32' | 'bfloat16' | BlockStorage => {
  if (name === 'F32') return 'float32';
  if (name === 'BF16') return 'bfloat16';
  return name === 'F16' ? 'float16' : (name.toLowerCase() as BlockStorage);
};

const rowsOf = ({ shape }: GgufTensorEntry): number =>
  shape.length < 2 ? shape.reduce((product, size) => product * size, 1) : shape[0]!;

function reordered(bytes: Uint8Array, order: RowOrder, what: string): Uint8Array {
  const rowBytes = bytes.length / order.length;
  if (!Number.isInteger(rowBytes)) {
    throw new CorruptDataError(
      what,
      `its rows are not those of ${order.length} heads and dimensions`,
      'Fetch it again.',
    );
  }
  const result = new Uint8Array(bytes.length);
  for (const [row, from] of order.entries()) {
    result.set(bytes.subarray(from * rowBytes, (from + 1) * rowBytes), row * rowBytes);
  }
  return result;
}

/** A scale that is NaN or infinite spoils its block. Throws CorruptDataError. */
function checkScales(bytes: Uint8Array, { name, bytes: blockBytes }: GgufTensorType, what: string): void {
  const storage = name.toLowerCase();
  // float16 is its own block, and all of it is a number to check
  const places = name === 'F16' ? [0] : SCALES[storage as keyof typeof SCALES];
  for (let at = 0; at < bytes.length; at += blockBytes) {
    for (const place of places) {
      // the exponent of infinity and NaN: bits 10 to 14 are set
      if ((bytes[at + place + 1]! & 0x7c) !== 0x7c) continue;
      throw new CorruptDataError(
        what,
        `block ${at / blockBytes} has a scale that is no finite number`,
        'The weights are damaged; fetch the file again.',
      );
    }
  }
}

function checkFinite(values: Float32Array, what: string): Float32Array {
  const at = values.findIndex((value) => !Number.isFinite(value));
  if (at < 0) return values;
  throw new CorruptDataError(
    what,
    `element ${at} is ${values[at]}`,
    'The weights are damaged; fetch the file again.',
  );
}

function widen(bytes: Uint8Array, entry: GgufTensorEntry, what: string): Float32Array {
  const storage = storageOf(entry.type);
  if (storage !== 'float32' && storage !== 'bfloat16') {
    const columns = (bytes.length / entry.type.bytes) * entry.type.values;
    return checkFinite(widenValues({ storage, codes: bytes, rows: 1, columns }), what);
  }
  // a copy, because a typed array may not begin at any byte
  const { buffer } = new Uint8Array(bytes);
  return checkFinite(
    storage === 'float32' ? new Float32Array(buffer) : decodeBfloat16(new Uint16Array(buffer)),
    what,
  );
}

/**
 * The tensors of a GGUF file under the names and in the row order of Hugging Face.
 * @param tensors places of the tensors by their Hugging Face names
 */
export function ggufStore(file: GgufFile, tensors: ReadonlyMap<string, GgufTensor>): WeightStore {
  const find = (name: string): GgufTensor & { entry: GgufTensorEntry } => {
    const tensor = tensors.get(name);
    const entry = tensor && file.entries.get(tensor.name);
    if (entry === undefined) throw new NoMatchingParameterError(file.name, [name], [...tensors.keys()]);
    return { ...tensor!, entry };
  };
  const what = (name: string): string => `${file.name}: ${find(name).name}`;
  const bytes = async (name: string): Promise<Uint8Array> => {
    const { name: stored, rowOrder } = find(name);
    const inFile = await file.bytes(stored);
    return rowOrder === null ? inFile : reordered(inFile, rowOrder, what(name));
  };
  return {
    name: file.name,
    isOutIn: true,
    shapes: new Map([...tensors.keys()].map((name) => [name, find(name).entry.shape])),
    storageOf: (name) => storageOf(find(name).entry.type),
    async blocks(name) {
      const { entry } = find(name);
      const codes = await bytes(name);
      checkScales(codes, entry.type, what(name));
      const columns = entry.shape.at(-1)!;
      return { storage: storageOf(entry.type) as BlockStorage, codes, rows: rowsOf(entry), columns };
    },
    async tensor(name) {
      const { entry, shift } = find(name);
      const data = widen(await bytes(name), entry, what(name));
      return { shape: entry.shape, data: shift === 0 ? data : data.map((value) => value - shift) };
    },
  };
}
