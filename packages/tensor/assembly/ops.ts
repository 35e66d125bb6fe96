// Operation numbers of the core kernels. The build script turns this file, fused/ops.ts and the files with kinds
// into src/generated/wasm-ops.ts, so that both sides share one list. Fused kernels start at 128.
export const FILL_WORDS: i32 = 1;
export const PACK_B: i32 = 2;
export const PRODUCT: i32 = 3;
export const BATCH_PRODUCT: i32 = 4;
export const UNARY: i32 = 5;
export const TEST: i32 = 6;
export const BINARY: i32 = 7;
export const BINARY_INT: i32 = 8;
export const COMPARE: i32 = 9;
export const COMPARE_INT: i32 = 10;
export const SELECT: i32 = 11;
export const LOGICAL: i32 = 12;
export const CAST: i32 = 13;
export const COPY: i32 = 14;
export const TRANSPOSE: i32 = 15;
export const GATHER: i32 = 16;
export const SEGMENT_SUM: i32 = 17;
export const ONE_HOT: i32 = 18;
export const REDUCE_ROWS: i32 = 19;
export const REDUCE_COLUMNS: i32 = 20;
export const ARG_MAX: i32 = 21;
export const SOFTMAX: i32 = 22;
export const CUMSUM: i32 = 23;
export const TOP_K_ROWS: i32 = 24;
export const DIRECT_PRODUCT: i32 = 25;
