/** The GPT that all contenders train: 4 layers, width 128, 0.82 M parameters, 1,024 tokens a step. */
export const GPT = { layers: 4, heads: 4, width: 128, time: 128, vocabSize: 256, batchSize: 8 } as const;

export const TOKENS_PER_STEP: number = GPT.batchSize * GPT.time;

export const ADAM = { learningRate: 1e-3, beta1: 0.9, beta2: 0.95, eps: 1e-8 } as const;

/** Linear congruential generator: the same weights and tokens for every contender. */
function* lcg(seed: number): Generator<number> {
  let state = seed >>> 0;
  while (true) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    yield state / 2 ** 32;
  }
}

/** Weights by name; matrices are [in, out], no biases, the head is the embedding. */
export function initialWeights(): Record<string, { shape: number[]; values: Float32Array }> {
  const random = lcg(1);
  const { width, time, vocabSize, layers } = GPT;
  const matrix = (...shape: number[]): { shape: number[]; values: Float32Array } => ({
    shape,
    // uniform with standard deviation 0.02
    values: Float32Array.from(
      { length: shape.reduce((a, b) => a * b, 1) },
      () => (random.next().value! - 0.5) * 0.04 * Math.sqrt(3),
    ),
  });
  const ones = (): { shape: number[]; values: Float32Array } => ({
    shape: [width],
    values: new Float32Array(width).fill(1),
  });
  const weights: Record<string, { shape: number[]; values: Float32Array }> = {
    wte: matrix(vocabSize, width),
    wpe: matrix(time, width),
    lnf: ones(),
  };
  for (let i = 0; i < layers; i++) {
    weights[`ln1_${i}`] = ones();
    weights[`qkv_${i}`] = matrix(width, 3 * width);
    weights[`out_${i}`] = matrix(width, width);
    weights[`ln2_${i}`] = ones();
    weights[`up_${i}`] = matrix(width, 4 * width);
    weights[`down_${i}`] = matrix(4 * width, width);
  }
  return weights;
}

/** Fixed random tokens: inputs and next tokens, both [batchSize · time]. */
export function tokens(): { inputs: Int32Array; targets: Int32Array } {
  const random = lcg(2);
  const draw = (): Int32Array =>
    Int32Array.from({ length: TOKENS_PER_STEP }, () => Math.floor(random.next().value! * GPT.vocabSize));
  return { inputs: draw(), targets: draw() };
}
