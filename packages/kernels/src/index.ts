export { asTf, asVariable, fromTf } from './casts.ts';
export {
  BLOCK_FORMATS,
  type BlockFormat,
  type BlockStorage,
  isBlockStorage,
} from './frozen/block-formats.ts';
export {
  bytesOfRow,
  type CompressedStorage,
  type CompressedValues,
  compressValues,
  type FrozenStorage,
  type MatrixStorage,
  type RoundedValues,
  widenValues,
} from './frozen/compressed-values.ts';
export { type BlockValues, checkBlocks, largestOfBlocks } from './frozen/widen-blocks.ts';
export { type Implementation, implementKernel } from './implement-kernel.ts';
export { type KernelCall, type ReadCall, readerOf } from './read-call.ts';
export { hasKernel, runKernel } from './run-kernel.ts';
export { checkSaved, lastSize, sizeOf } from './sizes.ts';
export type { KernelSpec } from './spec.ts';
export * from './table/activations.ts';
export * from './table/attention.ts';
export * from './table/frozen.ts';
export * from './table/gate.ts';
export * from './table/losses.ts';
export * from './table/norms.ts';
export * from './table/optimizer.ts';
export * from './table/products.ts';
export * from './table/router.ts';
export * from './table/rows.ts';
export { KERNELS } from './table.ts';
