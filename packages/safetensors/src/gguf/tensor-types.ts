/** A type of tensors in a GGUF file that is read: values in blocks of equal size, row after row. */
export interface GgufTensorType {
  /** As GGML calls it. */
  readonly name: (typeof NAMES)[number];
  /** Values of a block. */
  readonly values: number;
  /** Bytes of a block. */
  readonly bytes: number;
}

const NAMES = ['F32', 'F16', 'BF16', 'Q8_0', 'Q4_0', 'Q4_1', 'Q5_0', 'Q5_1', 'Q4_K', 'Q5_K', 'Q6_K'] as const;

const type = (name: GgufTensorType['name'], values: number, bytes: number): GgufTensorType => ({
  name,
  values,
  bytes,
});

/** By their number in `enum ggml_type` of ggml.h, with the sizes of ggml-common.h. */
const READ: Readonly<Record<number, GgufTensorType>> = {
  0: type('F32', 1, 4),
  1: type('F16', 1, 2),
  2: type('Q4_0', 32, 18),
  3: type('Q4_1', 32, 20),
  6: type('Q5_0', 32, 22),
  7: type('Q5_1', 32, 24),
  8: type('Q8_0', 32, 34),
  12: type('Q4_K', 256, 144),
  13: type('Q5_K', 256, 176),
  14: type('Q6_K', 256, 210),
  30: type('BF16', 1, 2),
};

/** The types that are read. */
export const GGUF_TENSOR_TYPES: readonly GgufTensorType[] = Object.values(READ);

/** The other types of ggml.h, so that a refusal can name them. */
const NOT_READ: Readonly<Record<number, string>> = {
  4: 'Q4_2',
  5: 'Q4_3',
  9: 'Q8_1',
  10: 'Q2_K',
  11: 'Q3_K',
  15: 'Q8_K',
  16: 'IQ2_XXS',
  17: 'IQ2_XS',
  18: 'IQ3_XXS',
  19: 'IQ1_S',
  20: 'IQ4_NL',
  21: 'IQ3_S',
  22: 'IQ2_S',
  23: 'IQ4_XS',
  24: 'I8',
  25: 'I16',
  26: 'I32',
  27: 'I64',
  28: 'F64',
  29: 'IQ1_M',
  31: 'Q4_0_4_4',
  32: 'Q4_0_4_8',
  33: 'Q4_0_8_8',
  34: 'TQ1_0',
  35: 'TQ2_0',
  36: 'IQ4_NL_4_4',
  37: 'IQ4_NL_4_8',
  38: 'IQ4_NL_8_8',
  39: 'MXFP4',
  40: 'NVFP4',
};

/** The type of this number, its name if it is known but not read, or null. */
export function ggufTensorType(id: number): GgufTensorType | string | null {
  return READ[id] ?? NOT_READ[id] ?? null;
}
