import { CorruptDataError, decodeBfloat16, decodeFloat16 } from '@moect/core';
import type { SafetensorsDType } from './dtype.ts';

type Values = Float32Array | Int32Array;

/** Whole numbers that fit 32 bits; anything else is refused, never wrapped. */
function toInt32(values: ArrayLike<number | bigint> & Iterable<number | bigint>, what: string): Int32Array {
  const result = new Int32Array(values.length);
  let i = 0;
  for (const value of values) {
    const number = Number(value);
    if (number < -(2 ** 31) || number >= 2 ** 31) {
      throw new CorruptDataError(what, `${value} does not fit 32 bits`, 'moect computes with int32 indices.');
    }
    result[i++] = number;
  }
  return result;
}

function toBool(values: Uint8Array, what: string): Int32Array {
  const wrong = values.find((value) => value > 1);
  if (wrong !== undefined) {
    throw new CorruptDataError(what, `${wrong} is not a BOOL`, 'Booleans are stored as 0 or 1.');
  }
  return Int32Array.from(values);
}

const DECODERS: Partial<Record<SafetensorsDType, (buffer: ArrayBuffer, what: string) => Values>> = {
  F32: (buffer) => new Float32Array(buffer),
  F64: (buffer) => Float32Array.from(new Float64Array(buffer)),
  F16: (buffer) => decodeFloat16(new Uint16Array(buffer)),
  BF16: (buffer) => decodeBfloat16(new Uint16Array(buffer)),
  I32: (buffer) => new Int32Array(buffer),
  I64: (buffer, what) => toInt32(new BigInt64Array(buffer), what),
  U64: (buffer, what) => toInt32(new BigUint64Array(buffer), what),
  U32: (buffer, what) => toInt32(new Uint32Array(buffer), what),
  I16: (buffer) => Int32Array.from(new Int16Array(buffer)),
  U16: (buffer) => Int32Array.from(new Uint16Array(buffer)),
  I8: (buffer) => Int32Array.from(new Int8Array(buffer)),
  U8: (buffer) => Int32Array.from(new Uint8Array(buffer)),
  BOOL: (buffer, what) => toBool(new Uint8Array(buffer), what),
};

/**
 * Little-endian bytes → float32 for floating types, int32 for whole numbers and booleans.
 * Throws CorruptDataError for types without a decoder and for numbers that do not fit.
 */
export function decodeValues(bytes: Uint8Array, dtype: SafetensorsDType, what: string): Values {
  const decoder = DECODERS[dtype];
  if (decoder === undefined) {
    const known = Object.keys(DECODERS).join(', ');
    throw new CorruptDataError(what, `type ${dtype} is not read here`, `Convert it to one of ${known}.`);
  }
  // the bytes of a file are a buffer of their own
  const isWhole = bytes.byteLength === bytes.buffer.byteLength && bytes.buffer instanceof ArrayBuffer;
  // else a copy: the tensor may begin at any byte, typed arrays may not (and Buffer.slice does not copy)
  return decoder(isWhole ? (bytes.buffer as ArrayBuffer) : new Uint8Array(bytes).buffer, what);
}

/** Throws CorruptDataError naming the first value that is NaN or infinite. */
export function checkFinite(values: HostValues, what: string): void {
  if (!(values instanceof Float32Array)) return;
  for (let i = 0; i < values.length; i++) {
    if (!Number.isFinite(values[i])) {
      throw new CorruptDataError(
        what,
        `element ${i} is ${values[i]}`,
        'The weights are damaged, or training diverged before they were saved.',
      );
    }
  }
}

type HostValues = Float32Array | Int32Array | Uint8Array;
