export {
  BLOCK_FORMATS,
  type BlockStorage,
  type BlockValues,
  type CompressedStorage,
  type FrozenStorage,
  type MatrixStorage,
} from '@moect/kernels';
export { userCacheFolder } from '@moect/kernels/host';
export { BACKEND_NAMES, type BackendInfo, type BackendName } from './backend-info.ts';
export { assign, fill, ones, randomNormal, scalar, tensor, variable, zeros, zerosLike } from './create.ts';
export {
  compressFrozen,
  frozenFromBlocks,
  frozenStorageOf,
  keepsCompressed,
} from './frozen/compress-frozen.ts';
export { valueAndGrads } from './gradients.ts';
export * from './ops/accumulate.ts';
export * from './ops/activate.ts';
export * from './ops/adam-w.ts';
export * from './ops/causal-attention.ts';
export * from './ops/causal-mean.ts';
export * from './ops/combine-products.ts';
export * from './ops/cross-entropy.ts';
export * from './ops/elementwise.ts';
export * from './ops/embedding.ts';
export * from './ops/expert-choice.ts';
export * from './ops/expert-order.ts';
export * from './ops/gate-prior.ts';
export * from './ops/gate-weight.ts';
export * from './ops/gated-blend.ts';
export * from './ops/gelu.ts';
export * from './ops/global-norm.ts';
export * from './ops/grouped-mat-mul.ts';
export * from './ops/layer-norm.ts';
export * from './ops/linear.ts';
export * from './ops/linear-cross-entropy.ts';
export * from './ops/mat-mul.ts';
export * from './ops/recompute.ts';
export * from './ops/reduce.ts';
export * from './ops/rms-norm.ts';
export * from './ops/rope.ts';
export * from './ops/router-losses.ts';
export * from './ops/shape.ts';
export * from './ops/softcap.ts';
export * from './ops/spread-columns.ts';
export * from './ops/stop-gradient.ts';
export * from './ops/swiglu.ts';
export { flattenTree, mapTree, treeAt } from './param-tree.ts';
export { createRng } from './random.ts';
export { clone, dispose, keep, memory, tensorsIn, tidy } from './scope.ts';
export { activeBackend, selectBackend } from './select-backend.ts';
