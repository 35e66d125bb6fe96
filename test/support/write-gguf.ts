import { open } from 'node:fs/promises';

/** A value of the header. Numbers are whole ones unless they are wrapped as `{ float }`. */
export type GgufKey = string | number | boolean | { readonly float: number } | readonly string[] | NumberList;

export interface NumberList {
  readonly kind: 'float' | 'int';
  readonly values: readonly number[];
}

export interface GgufTensorToWrite {
  readonly name: string;
  readonly type: 'F32' | 'Q4_K';
  /** As PyTorch has it: [rows, columns]. */
  readonly shape: readonly number[];
  /** Made when it is its turn, so that one tensor is in memory at a time. */
  readonly bytes: () => Uint8Array;
}

/** Number of a type in the format, and bytes of one of its blocks. */
const TYPES = { F32: { id: 0, values: 1, bytes: 4 }, Q4_K: { id: 12, values: 256, bytes: 144 } };
const ALIGNMENT = 32;

const uint32 = (value: number): Uint8Array => new Uint8Array(Uint32Array.of(value).buffer);
const uint64 = (value: number): Uint8Array => new Uint8Array(BigUint64Array.of(BigInt(value)).buffer);
const float32 = (value: number): Uint8Array => new Uint8Array(Float32Array.of(value).buffer);
const text = (value: string): Uint8Array =>
  Buffer.concat([uint64(Buffer.byteLength(value)), Buffer.from(value)]);

const array = (type: number, values: readonly Uint8Array[]): Uint8Array =>
  Buffer.concat([uint32(9), uint32(type), uint64(values.length), ...values]);

function keyBytes(value: GgufKey): Uint8Array {
  if (typeof value === 'string') return Buffer.concat([uint32(8), text(value)]);
  if (typeof value === 'number') return Buffer.concat([uint32(4), uint32(value)]);
  if (typeof value === 'boolean') return Buffer.concat([uint32(7), Uint8Array.of(value ? 1 : 0)]);
  if ('float' in value) return Buffer.concat([uint32(6), float32(value.float)]);
  if ('kind' in value) {
    return value.kind === 'float' ? array(6, value.values.map(float32)) : array(5, value.values.map(uint32));
  }
  return array(8, value.map(text));
}

function sizeOf({ type, shape }: GgufTensorToWrite): number {
  const { values, bytes } = TYPES[type];
  const size = (shape.reduce((product, n) => product * n, 1) / values) * bytes;
  if (size % ALIGNMENT !== 0) throw new Error(`${size} bytes would need padding, which is not written here.`);
  return size;
}

/** Writes a GGUF file of version 3, one tensor after the other. */
export async function writeGguf(
  path: string,
  keys: Readonly<Record<string, GgufKey>>,
  tensors: readonly GgufTensorToWrite[],
): Promise<void> {
  const header: Uint8Array[] = [Buffer.from('GGUF'), uint32(3), uint64(tensors.length)];
  header.push(uint64(Object.keys(keys).length));
  for (const [name, value] of Object.entries(keys)) header.push(text(name), keyBytes(value));
  let offset = 0;
  for (const tensor of tensors) {
    const dimensions = [...tensor.shape].reverse().map(uint64);
    header.push(text(tensor.name), uint32(dimensions.length), ...dimensions);
    header.push(uint32(TYPES[tensor.type].id), uint64(offset));
    offset += sizeOf(tensor);
  }
  const first = Buffer.concat(header);
  const handle = await open(path, 'w');
  try {
    await handle.writeFile(first);
    await handle.writeFile(new Uint8Array((ALIGNMENT - (first.length % ALIGNMENT)) % ALIGNMENT));
    for (const tensor of tensors) {
      const bytes = tensor.bytes();
      if (bytes.length !== sizeOf(tensor)) throw new Error(`${tensor.name} has ${bytes.length} bytes`);
      await handle.writeFile(bytes);
    }
  } finally {
    await handle.close();
  }
}
