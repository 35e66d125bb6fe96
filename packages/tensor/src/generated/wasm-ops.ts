// Made by scripts/build-wasm.mjs from assembly/ops.ts and assembly/fused/ops.ts.
export const OP = {
  FILL_WORDS: 1,
  PACK_B: 2,
  PRODUCT: 3,
  BATCH_PRODUCT: 4,
} as const;
