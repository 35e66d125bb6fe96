export { chunkFailed, help, publish, runAlone, takeFromEnd, workerLoop } from './pool';
export { setScratch } from './layout';
export { sampleProduct } from './product';

/** 1 in the build that uses relaxed SIMD. */
export function isRelaxed(): i32 {
  return ASC_FEATURE_RELAXED_SIMD ? 1 : 0;
}
