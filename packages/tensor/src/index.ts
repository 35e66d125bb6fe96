export { assign, fill, ones, randomNormal, scalar, tensor, variable, zeros, zerosLike } from './create.ts';
export { decodeBfloat16, encodeBfloat16 } from './frozen/bfloat16.ts';
export { compressFrozen, frozenStorageOf } from './frozen/compress-frozen.ts';
export type { CompressedStorage, FrozenStorage } from './frozen/compressed-values.ts';
export { valueAndGrads } from './gradients.ts';
export * from './ops/adam-w.ts';
export * from './ops/causal-attention.ts';
export * from './ops/causal-mean.ts';
export * from './ops/cross-entropy.ts';
export * from './ops/elementwise.ts';
export * from './ops/embedding.ts';
export * from './ops/expert-order.ts';
export * from './ops/gelu.ts';
export * from './ops/global-norm.ts';
export * from './ops/grouped-mat-mul.ts';
export * from './ops/layer-norm.ts';
export * from './ops/linear-cross-entropy.ts';
export * from './ops/mat-mul.ts';
export * from './ops/recompute.ts';
export * from './ops/reduce.ts';
export * from './ops/rms-norm.ts';
export * from './ops/rope.ts';
export * from './ops/shape.ts';
export * from './ops/swiglu.ts';
export { flattenTree, mapTree, treeAt } from './param-tree.ts';
export { createRng } from './random.ts';
export { clone, dispose, keep, memory, tensorsIn, tidy } from './scope.ts';
export {
  activeBackend,
  BACKEND_NAMES,
  type BackendInfo,
  type BackendName,
  selectBackend,
} from './select-backend.ts';
