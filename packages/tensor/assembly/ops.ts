// Operation numbers of the core kernels. The build script turns this file and fused/ops.ts into
// src/generated/wasm-ops.ts, so that both sides share one list. Fused kernels start at 128.
export const FILL_WORDS: i32 = 1;
export const PACK_B: i32 = 2;
export const PRODUCT: i32 = 3;
export const BATCH_PRODUCT: i32 = 4;
