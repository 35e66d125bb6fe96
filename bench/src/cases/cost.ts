import type { LlamaSizes } from './llama-30m.ts';

/** Parameters of the Llama that are in products: the tied embedding counts once, as the head. */
export function productParameters({
  hiddenSize,
  intermediateSize,
  numLayers,
  vocabSize,
}: LlamaSizes): number {
  return numLayers * (4 * hiddenSize ** 2 + 3 * hiddenSize * intermediateSize) + vocabSize * hiddenSize;
}

/** Parameters of bottleneck MoE branches that a token passes: k experts, the router, the gate. */
export function activeExtension(
  { hiddenSize, intermediateSize }: LlamaSizes,
  branches: { readonly layers: number; readonly numExperts: number; readonly topK: number },
): number {
  const experts = branches.topK * 3 * hiddenSize * (intermediateSize / 8);
  const router = branches.numExperts * hiddenSize;
  const gate = 2 * hiddenSize * (hiddenSize / 4);
  return branches.layers * (experts + router + gate);
}

/**
 * FLOPs (a multiply-add counts twice) of causal attention's two products in one forward pass: half of PaLM's
 * 4·layers·d·T (arXiv 2204.02311, appendix B), because half of the scores are masked.
 */
export function attentionFlops({ numLayers, hiddenSize, sequenceLength }: LlamaSizes): number {
  return 2 * numLayers * hiddenSize * sequenceLength;
}

/** Model FLOPs a token of full training: 6P and attention forward and backward. */
export function fullTrainingFlops(sizes: LlamaSizes): number {
  return 6 * productParameters(sizes) + 3 * attentionFlops(sizes);
}

/** Where attachments sit, and whether hidden states of the frozen layers below come from a cache. */
export type Placement = 'all' | 'top' | 'top-cached';

/** FLOPs for each of P: forward and backward to the input; backward in the top half only; lower half cached. */
const BASE_FACTOR: Readonly<Record<Placement, number>> = { all: 4, top: 3, 'top-cached': 2 };

/** Product FLOPs a token of MoE-CT: 4P, 3P or 2P, and 6 × the active extension. */
export function moeTrainingFlops(sizes: LlamaSizes, placement: Placement, extension: number): number {
  return BASE_FACTOR[placement] * productParameters(sizes) + 6 * extension;
}

/** Predicted cost as a share of full training's 6P. */
export function predictedShare(sizes: LlamaSizes, placement: Placement, extension: number): number {
  return moeTrainingFlops(sizes, placement, extension) / (6 * productParameters(sizes));
}
