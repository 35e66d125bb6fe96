import { BLOCK_FORMATS, type BlockStorage, isBlockStorage, type MatrixStorage } from '@moect/kernels';
import type { Program } from '../program.ts';

const STORAGES = ['bfloat16', 'int8', ...(Object.keys(BLOCK_FORMATS) as BlockStorage[])] as const;

/** A value for each storage. */
export const perStorage = <T>(make: (storage: MatrixStorage) => T): Readonly<Record<MatrixStorage, T>> =>
  Object.fromEntries(STORAGES.map((storage) => [storage, make(storage)])) as Record<MatrixStorage, T>;

/** Buffers of a compressed matrix besides its codes. */
export const SCALES = (storage: MatrixStorage): Program['reads'] =>
  storage === 'int8' ? { scales: 'f32' } : {};

const bfloat16 = (codes: string): string => `
fn widenedElement(at : i32, row : i32) -> f32 {
  let word = ${codes}[at / 2];
  return bitcast<f32>(select(word << 16u, word & -65536, (at & 1) == 1));
}
fn widenedQuad(at : i32, row : i32) -> vec4<f32> {
  let low = ${codes}[at / 2];
  let high = ${codes}[at / 2 + 1];
  return bitcast<vec4<f32>>(vec4<i32>(low << 16u, low & -65536, high << 16u, high & -65536));
}`;

const int8 = (codes: string): string => `
fn widenedElement(at : i32, row : i32) -> f32 {
  return f32(extractBits(${codes}[at / 4], u32(at & 3) * 8u, 8u)) * scales[row];
}
fn widenedQuad(at : i32, row : i32) -> vec4<f32> {
  let word = ${codes}[at / 4];
  return vec4<f32>(vec4<i32>(word << 24u, word << 16u, word << 8u, word) >> vec4<u32>(24u)) * scales[row];
}`;

/** Numbers at any byte of the codes; halves begin at even bytes. Shaders may take small float16 numbers for zero. */
const reading = (codes: string): string => `
fn half(bits : u32) -> f32 {
  let fraction = bits & 0x3ffu;
  var value = bitcast<f32>(((bits & 0x7fffu) << 13u) + 0x38000000u);
  if ((bits & 0x7c00u) == 0u) { value = bitcast<f32>(fraction | 0x3f000000u) - 0.5; }
  if ((bits & 0x7c00u) == 0x7c00u) { value = bitcast<f32>(0x7f800000u | (fraction << 13u)); }
  return bitcast<f32>(bitcast<u32>(value) | ((bits & 0x8000u) << 16u));
}
fn halfAt(byte : i32) -> f32 {
  return half((bitcast<u32>(${codes}[byte / 4]) >> (u32(byte & 2) * 8u)) & 0xffffu);
}
fn byteAt(byte : i32) -> u32 {
  return (bitcast<u32>(${codes}[byte / 4]) >> (u32(byte & 3) * 8u)) & 0xffu;
}
fn wordAt(byte : i32) -> u32 {
  let shift = u32(byte & 3) * 8u;
  let low = bitcast<u32>(${codes}[byte / 4]);
  if (shift == 0u) { return low; }
  return (low >> shift) | (bitcast<u32>(${codes}[byte / 4 + 1]) << (32u - shift));
}
fn bytesOf(word : u32) -> vec4<u32> {
  return (vec4<u32>(word) >> vec4<u32>(0u, 8u, 16u, 24u)) & vec4<u32>(0xffu);
}
fn signed(word : u32) -> vec4<f32> {
  return vec4<f32>(vec4<i32>((vec4<u32>(word) << vec4<u32>(24u, 16u, 8u, 0u))) >> vec4<u32>(24u));
}`;

/** The six-bit scale of a part of Q4_K and Q5_K, or with `shift` 4 its minimum; `at`: the twelve bytes of them. */
const SIX_BITS = `
fn sixBits(at : i32, part : i32, shift : i32) -> f32 {
  if (part < 4) { return f32(byteAt(at + part + shift) & 63u); }
  let low = (byteAt(at + part + 4) >> u32(shift)) & 15u;
  return f32(low | ((byteAt(at + part + shift - 4) >> 6u) << 4u));
}`;

const byNibble = (codes: string, place: string): string =>
  `(bytesOf(wordAt(${codes})) >> vec4<u32>(select(0u, 4u, ${place}))) & vec4<u32>(15u)`;

/** 32 values of four bits; `high`: a fifth bit for each, from that byte on. */
const small = (codes: number, high: number | undefined, result: string): string => `
  let low = ${byNibble(`base + ${codes} + (i & 15)`, 'i >= 16')};
  ${
    high === undefined
      ? 'let q = vec4<f32>(low);'
      : `let bits = wordAt(base + ${high}) >> u32(i);
  let q = vec4<f32>(low | (((vec4<u32>(bits) >> vec4<u32>(0u, 1u, 2u, 3u)) & vec4<u32>(1u)) << vec4<u32>(4u)));`
  }
  return ${result};`;

/** Q4_K and Q5_K. */
const parts = (codes: number, high: number | undefined): string => `
  let part = i / 32;
  let d = halfAt(base) * sixBits(base + 4, part, 0);
  let m = halfAt(base + 2) * sixBits(base + 4, part, 4);
  var q = ${byNibble(`base + ${codes} + (part / 2) * 32 + (i & 31)`, '(part & 1) == 1')};
  ${
    high === undefined
      ? ''
      : `q |= ((bytesOf(wordAt(base + ${high} + (i & 31))) >> vec4<u32>(u32(part))) & vec4<u32>(1u)) << vec4<u32>(4u);`
  }
  return d * vec4<f32>(q) - m;`;

/** WGSL of four values, from `base`, the first byte of a block, and `i`, the first value in it. */
const QUADS: Readonly<Record<Exclude<BlockStorage, 'float16'>, string>> = {
  q8_0: 'return halfAt(base) * signed(wordAt(base + 2 + i));',
  q4_0: small(2, undefined, 'halfAt(base) * (q - 8.0)'),
  q4_1: small(4, undefined, 'halfAt(base) * q + halfAt(base + 2)'),
  q5_0: small(6, 2, 'halfAt(base) * (q - 16.0)'),
  q5_1: small(8, 4, 'halfAt(base) * q + halfAt(base + 2)'),
  q4_k: parts(16, undefined),
  q5_k: parts(48, 16),
  q6_k: `
  let quarter = (i / 32) & 3;
  let low = ${byNibble('base + (i / 128) * 64 + (quarter & 1) * 32 + (i & 31)', 'quarter >= 2')};
  let high = (bytesOf(wordAt(base + 128 + (i / 128) * 32 + (i & 31))) >> vec4<u32>(u32(2 * quarter))) & vec4<u32>(3u);
  let scale = f32(bitcast<i32>(byteAt(base + 192 + i / 16) << 24u) >> 24u);
  return (halfAt(base + 208) * scale) * (vec4<f32>(low | (high << vec4<u32>(4u))) - 32.0);`,
};

function blocks(storage: BlockStorage, codes: string): string {
  const { values, bytes } = BLOCK_FORMATS[storage];
  const quad =
    storage === 'float16'
      ? 'return vec4<f32>(halfAt(2 * at), halfAt(2 * at + 2), halfAt(2 * at + 4), halfAt(2 * at + 6));'
      : `let base = (at / ${values}) * ${bytes};
  let i = at % ${values};
  ${QUADS[storage]}`;
  return `${reading(codes)}
${SIX_BITS}
fn widenedQuad(at : i32, row : i32) -> vec4<f32> {
  ${quad}
}
fn widenedElement(at : i32, row : i32) -> f32 {
  return widenedQuad(at & -4, row)[at & 3];
}`;
}

/**
 * WGSL: `widenedElement(at, row)` and `widenedQuad(at, row)`, the float32 values of element `at`, or of four from `at`
 * (a multiple of four), in the stored row `row`. Bit for bit what `widenValues` gives; where a block has a minimum, up to
 * the rounding that a device saves by fusing its product and sum.
 * @param codes name of the buffer of codes, of type i32
 */
export const WIDENING: Readonly<Record<MatrixStorage, (codes: string) => string>> = perStorage(
  (storage) => (codes) => {
    if (isBlockStorage(storage)) return blocks(storage, codes);
    return (storage === 'int8' ? int8 : bfloat16)(codes);
  },
);
