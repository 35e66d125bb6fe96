import * as tf from '@tensorflow/tfjs-core';

/** What the active backend's matrix products can do at best. */
export interface ProductCeiling {
  /** 10⁹ multiplications and additions a second. */
  readonly gflops: number;
  /** x [m, k] times wᵀ, w [n, k]. */
  readonly shape: readonly [m: number, k: number, n: number];
}

/** Large enough to fill all threads, small enough for a shared cache. */
const SHAPES: readonly ProductCeiling['shape'][] = [
  [1024, 512, 512],
  [1024, 512, 1408],
  [768, 1024, 768],
  [1536, 512, 1024],
];

/**
 * The largest rate over a few shapes that suit the kernels, each the best of many runs: what a training step is
 * compared with. Measures the active backend with its threads; for backends with synchronous reads (wasm, cpu).
 * @param milliseconds spent on each shape
 */
export function productCeiling(milliseconds = 500): ProductCeiling {
  let best: ProductCeiling = { gflops: 0, shape: SHAPES[0]! };
  for (const shape of SHAPES) {
    const [m, k, n] = shape;
    const x = tf.randomNormal<tf.Rank.R2>([m, k]);
    const w = tf.randomNormal<tf.Rank.R2>([n, k]);
    const end = performance.now() + milliseconds;
    while (performance.now() < end) {
      const start = performance.now();
      tf.tidy(() => tf.slice(tf.matMul(x, w, false, true), [0, 0], [1, 1]).dataSync());
      const gflops = (2 * m * k * n) / (performance.now() - start) / 1e6;
      if (gflops > best.gflops) best = { gflops, shape };
    }
    tf.dispose([x, w]);
  }
  return best;
}
