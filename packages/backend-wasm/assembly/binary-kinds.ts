// Kinds of the operations BINARY, BINARY_INT, COMPARE and COMPARE_INT; also in src/generated/wasm-ops.ts.
export const B_ADD: i32 = 0;
export const B_SUB: i32 = 1;
export const B_MUL: i32 = 2;
export const B_DIV: i32 = 3;
export const B_MAX: i32 = 4;
export const B_MIN: i32 = 5;
export const B_SQUARED_DIFFERENCE: i32 = 6;
export const C_EQ: i32 = 0;
export const C_NE: i32 = 1;
export const C_LT: i32 = 2;
export const C_LE: i32 = 3;
export const C_GT: i32 = 4;
export const C_GE: i32 = 5;
