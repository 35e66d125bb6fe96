/** y = x · weight / √(mean(x²) + eps) over the last axis (RMSNorm, arXiv 1910.07467). */
export const RmsNorm = {
  name: 'MoectRmsNorm',
  inputs: { x: ['float32', '…', 'd'], weight: ['float32', 'd'] },
  attrs: { eps: 'number' },
  outputs: [['y', 'float32', '…', 'd']],
} as const;

/** `withWeight`: the gradient of the weight is wanted too. */
export const RmsNormGrad = {
  name: 'MoectRmsNormGrad',
  inputs: { x: ['float32', '…', 'd'], weight: ['float32', 'd'], dy: ['float32', '…', 'd'] },
  attrs: { eps: 'number', withWeight: 'boolean' },
  outputs: [
    ['dx', 'float32', '…', 'd'],
    ['dweight?', 'float32', 'd'],
  ],
} as const;

/** RMSNorm of a + b without a weight. */
export const RmsNormalizeSum = {
  name: 'MoectRmsNormalizeSum',
  inputs: { a: ['float32', '…', 'd'], b: ['float32', '…', 'd'] },
  attrs: { eps: 'number' },
  outputs: [['y', 'float32', '…', 'd']],
} as const;

/** One gradient for a and b alike. */
export const RmsNormalizeSumGrad = {
  name: 'MoectRmsNormalizeSumGrad',
  inputs: { a: ['float32', '…', 'd'], b: ['float32', '…', 'd'], dy: ['float32', '…', 'd'] },
  attrs: { eps: 'number' },
  outputs: [['dx', 'float32', '…', 'd']],
} as const;

/** y = (x − mean) / √(variance + eps) · weight + bias over the last axis (arXiv 1607.06450). */
export const LayerNorm = {
  name: 'MoectLayerNorm',
  inputs: { x: ['float32', '…', 'd'], weight: ['float32', 'd'], bias: ['float32', 'd'] },
  attrs: { eps: 'number' },
  outputs: [['y', 'float32', '…', 'd']],
} as const;

export const LayerNormGrad = {
  name: 'MoectLayerNormGrad',
  inputs: { x: ['float32', '…', 'd'], weight: ['float32', 'd'], dy: ['float32', '…', 'd'] },
  attrs: { eps: 'number' },
  outputs: [
    ['dx', 'float32', '…', 'd'],
    ['dweight', 'float32', 'd'],
    ['dbias', 'float32', 'd'],
  ],
} as const;
