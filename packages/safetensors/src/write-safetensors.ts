import { CorruptDataError, encodeBfloat16, encodeFloat16, ShapeMismatchError } from '@moect/core';
import { checkFinite } from './decode.ts';
import { bitsPerElement, type HostTensor, SAFETENSORS_DTYPES, type SafetensorsDType } from './dtype.ts';

export interface WriteOptions {
  /** Added to `{ format: 'pt' }`, which transformers requires. */
  readonly metadata?: Readonly<Record<string, string>>;
  /** How float32 values are stored; whole numbers stay I32 and bytes U8. Default F32. */
  readonly dtype?: 'F32' | 'BF16' | 'F16';
  /** Accept NaN and infinity. Default false. */
  readonly allowNonFinite?: boolean;
}

type Named = readonly [name: string, tensor: HostTensor, dtype: SafetensorsDType];

/** Hub clients refuse longer headers, in bytes. */
const MAX_WRITTEN_HEADER = 25_000_000;

function dtypeOf(tensor: HostTensor, options: WriteOptions): SafetensorsDType {
  if (tensor.data instanceof Float32Array) return options.dtype ?? 'F32';
  return tensor.data instanceof Int32Array ? 'I32' : 'U8';
}

function checkTensor(name: string, tensor: HostTensor, options: WriteOptions): void {
  if (name === '__metadata__' || name === '') {
    throw new CorruptDataError(
      'safetensors writer',
      `'${name}' cannot name a tensor`,
      'Choose another name.',
    );
  }
  const count = tensor.shape.reduce((a, b) => a * b, 1);
  if (count !== tensor.data.length) {
    throw new ShapeMismatchError(name, tensor.shape, `a shape of ${tensor.data.length} elements`);
  }
  if (options.allowNonFinite !== true) checkFinite(tensor.data, name);
}

function encode(name: string, tensor: HostTensor, options: WriteOptions): Uint8Array {
  const { data } = tensor;
  const view = (array: HostTensor['data'] | Uint16Array): Uint8Array =>
    new Uint8Array(array.buffer as ArrayBuffer, array.byteOffset, array.byteLength);
  if (!(data instanceof Float32Array) || options.dtype === undefined || options.dtype === 'F32')
    return view(data);
  const bits = options.dtype === 'BF16' ? encodeBfloat16(data) : encodeFloat16(data);
  const infinity = options.dtype === 'BF16' ? 0x7f80 : 0x7c00;
  const overflow = bits.findIndex((half, i) => (half & 0x7fff) === infinity && Number.isFinite(data[i]));
  if (overflow >= 0) {
    throw new CorruptDataError(
      name,
      `${data[overflow]} at element ${overflow} is too large for ${options.dtype}`,
      'Write it as F32.',
    );
  }
  return view(bits);
}

function headerBytes(tensors: readonly Named[], metadata: Readonly<Record<string, string>>): Uint8Array {
  const header: Record<string, unknown> = { __metadata__: { format: 'pt', ...metadata } };
  let at = 0;
  for (const [name, { shape, data }, dtype] of tensors) {
    const end = at + (data.length * bitsPerElement(dtype)) / 8;
    header[name] = { dtype, shape, data_offsets: [at, end] };
    at = end;
  }
  const json = new TextEncoder().encode(JSON.stringify(header));
  if (json.length > MAX_WRITTEN_HEADER) {
    throw new CorruptDataError(
      'safetensors writer',
      `a header of ${json.length} bytes, at most ${MAX_WRITTEN_HEADER} are readable everywhere`,
      'Write several files.',
    );
  }
  const padded = Math.ceil(json.length / 8) * 8;
  const bytes = new Uint8Array(8 + padded).fill(0x20);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(padded), true);
  bytes.set(json, 8);
  return bytes;
}

/**
 * The file piece by piece, so that it need not be in memory at once: header first, then one piece a tensor,
 * sorted as every writer of the format sorts (alignment descending, then name).
 * Throws CorruptDataError for NaN, infinity and overflow, ShapeMismatchError for a shape that does not fit.
 */
export function* safetensorsPieces(
  tensors: Iterable<readonly [string, HostTensor]>,
  options: WriteOptions = {},
): Generator<Uint8Array> {
  const named = [...tensors].map(([name, t]): Named => [name, t, dtypeOf(t, options)]);
  for (const [name, tensor] of named) checkTensor(name, tensor, options);
  const twice = named.find(([name], i) => named.findIndex(([other]) => other === name) !== i);
  if (twice !== undefined) {
    throw new CorruptDataError('safetensors writer', `'${twice[0]}' is given twice`, 'Names must differ.');
  }
  const rank = (dtype: SafetensorsDType): number => SAFETENSORS_DTYPES.indexOf(dtype);
  named.sort(([a, , da], [b, , db]) => rank(db) - rank(da) || (a < b ? -1 : 1));
  yield headerBytes(named, options.metadata ?? {});
  for (const [name, tensor] of named) yield encode(name, tensor, options);
}

/** {@link safetensorsPieces} in one array. */
export function writeSafetensors(
  tensors: Iterable<readonly [string, HostTensor]>,
  options: WriteOptions = {},
): Uint8Array {
  const pieces = [...safetensorsPieces(tensors, options)];
  const bytes = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}
