/** y = silu(gate) · up (SwiGLU, arXiv 2002.05202). */
export const Swiglu = {
  name: 'MoectSwiglu',
  inputs: { gate: ['float32', '…'], up: ['float32', '…'] },
  outputs: [['y', 'float32', '…']],
} as const;

export const SwigluGrad = {
  name: 'MoectSwigluGrad',
  inputs: { gate: ['float32', '…'], up: ['float32', '…'], dy: ['float32', '…'] },
  outputs: [
    ['dgate', 'float32', '…'],
    ['dup', 'float32', '…'],
  ],
} as const;

/** y = x · Φ(x) (GELU, arXiv 1606.08415); `tanh`: the approximation that GPT-2 uses. */
export const Gelu = {
  name: 'MoectGelu',
  inputs: { x: ['float32', '…'] },
  attrs: { approximate: ['none', 'tanh'] },
  outputs: [['y', 'float32', '…']],
} as const;

export const GeluGrad = {
  name: 'MoectGeluGrad',
  inputs: { x: ['float32', '…'], dy: ['float32', '…'] },
  attrs: { approximate: ['none', 'tanh'] },
  outputs: [['dx', 'float32', '…']],
} as const;
