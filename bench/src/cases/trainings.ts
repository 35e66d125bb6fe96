import type { BaseModel, Extension } from '@moect/core';
import { fullCt, type MoeCtConfig, moeCt } from '@moect/experts';
import { createRng } from '@moect/tensor';
import { LLAMA_30M, type LlamaSizes } from './llama-30m.ts';

/** Trained parts of the Llama. */
export type TrainingName = 'full-ct' | 'moe-ct-all' | 'moe-ct-top' | 'experts-4' | 'experts-32';

/** SwiGLU experts of 1/8 of the base's inner width, 2 a token; the guarded gate; no head delta. */
function bottleneck(
  sizes: LlamaSizes,
  numExperts: number,
  layers: MoeCtConfig['layers'],
): Partial<MoeCtConfig> {
  const expert = { type: 'swiglu', size: sizes.intermediateSize / 8, init: 'slice' };
  return { layers, numExperts, topK: 2, expert, headDelta: null };
}

/** MoE-CT configurations by name; `full-ct` has none. */
export function moeCtConfig(
  name: Exclude<TrainingName, 'full-ct'>,
  sizes: LlamaSizes = LLAMA_30M,
): Partial<MoeCtConfig> {
  if (name === 'moe-ct-top') return bottleneck(sizes, 4, { top: sizes.numLayers / 2 });
  return bottleneck(sizes, name === 'experts-32' ? 32 : 4, 'all');
}

export function attachTraining(
  name: TrainingName,
  base: BaseModel,
  sizes: LlamaSizes = LLAMA_30M,
): Extension {
  const rng = createRng(3);
  if (name === 'full-ct') return fullCt().attach(base, {}, rng);
  return moeCt().attach(base, moeCtConfig(name, sizes), rng);
}
