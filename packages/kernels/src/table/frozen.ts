/**
 * A tensor of `shape` whose values are kept compressed; a backend that has this kernel reads them in place in matrix
 * products and in {@link Embedding}, and widens them to float32 for everything else.
 */
export const Compressed = {
  name: 'MoectCompressed',
  inputs: {},
  attrs: { shape: 'shape', values: 'compressed' },
  outputs: [['y', 'float32', '…y']],
} as const;
