// Operation numbers of the fused kernels, 128 and up: `export const NAME: i32 = 128;`
