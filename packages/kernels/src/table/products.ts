/** y = x · wᵀ on rows of any leading dimensions; x · w with `transposeW`. w may be compressed. */
export const Linear = {
  name: 'MoectLinear',
  inputs: { w: ['float32', 'out', 'in'], x: ['float32', '…', 'k'] },
  attrs: { transposeW: 'boolean' },
  outputs: [['y', 'float32', '…', 'n']],
  where: {
    k: { attr: 'transposeW', isFalse: 'in', isTrue: 'out' },
    n: { attr: 'transposeW', isFalse: 'out', isTrue: 'in' },
  },
} as const;

/** Adds the product of {@link Linear} to `total` in place: nothing else may share its values. */
export const LinearInto = {
  name: 'MoectLinearInto',
  inputs: { w: ['float32', 'out', 'in'], x: ['float32', '…', 'k'], total: ['float32', '…', 'n'] },
  attrs: { transposeW: 'boolean' },
  outputs: [],
  where: {
    k: { attr: 'transposeW', isFalse: 'in', isTrue: 'out' },
    n: { attr: 'transposeW', isFalse: 'out', isTrue: 'in' },
  },
} as const;

/** dw = Σ dy[r]ᵀ · x[r] over all rows. */
export const LinearGradWeight = {
  name: 'MoectLinearGradWeight',
  inputs: { x: ['float32', '…', 'in'], dy: ['float32', '…', 'out'] },
  outputs: [['dw', 'float32', 'out', 'in']],
} as const;

/**
 * One product per expert on rows grouped by expert: y[r] = w[e] · x[r] (wᵀ with `transposeW`) for the rows
 * offsets[e] … offsets[e + 1] − 1. The offsets rise from 0 to the number of rows.
 */
export const GroupedMatMul = {
  name: 'MoectGroupedMatMul',
  inputs: {
    w: ['float32', 'numExperts', 'out', 'in'],
    x: ['float32', 'slots', 'k'],
    offsets: ['int32', 'numExperts+1'],
  },
  attrs: { transposeW: 'boolean' },
  outputs: [['y', 'float32', 'slots', 'n']],
  where: {
    k: { attr: 'transposeW', isFalse: 'in', isTrue: 'out' },
    n: { attr: 'transposeW', isFalse: 'out', isTrue: 'in' },
  },
} as const;

/** dw[e] = dyᵀ · x over the rows of expert e. */
export const GroupedMatMulGradWeight = {
  name: 'MoectGroupedMatMulGradWeight',
  inputs: {
    x: ['float32', 'slots', 'in'],
    dy: ['float32', 'slots', 'out'],
    offsets: ['int32', 'numExperts+1'],
  },
  attrs: { numExperts: 'size' },
  outputs: [['dw', 'float32', 'numExperts', 'out', 'in']],
} as const;

/** x · scalar; a backend may give x itself where the scalar is 1. */
export const TimesScalar = {
  name: 'MoectTimesScalar',
  inputs: { x: ['float32', '…'], scalar: ['float32'] },
  outputs: [['y', 'float32', '…']],
} as const;
