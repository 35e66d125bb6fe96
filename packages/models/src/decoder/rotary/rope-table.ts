import type { Llama3Config, RopeConfig, RotaryConfig, YarnConfig } from './rope-config.ts';

function baseFrequencies(theta: number, headDim: number): Float64Array {
  return Float64Array.from({ length: headDim / 2 }, (_, i) => theta ** ((-2 * i) / headDim));
}

/** Frequencies of "NTK-aware" scaling that grows with the sequence. */
function dynamicFrequencies(
  rope: RopeConfig & { type: 'dynamic' },
  headDim: number,
  sequenceLength: number,
): Float64Array {
  const ratio = Math.max(sequenceLength, rope.originalMaxPositions) / rope.originalMaxPositions;
  const stretch = rope.factor * ratio - (rope.factor - 1);
  return baseFrequencies(rope.theta * stretch ** (headDim / (headDim - 2)), headDim);
}

/** YaRN (arXiv 2309.00071, section 3.2): fast dimensions keep their frequency, slow ones are interpolated. */
function yarnFrequencies(rope: YarnConfig & { theta: number }, headDim: number): Float64Array {
  const dimensionOf = (rotations: number): number =>
    (headDim * Math.log(rope.originalMaxPositions / (rotations * 2 * Math.PI))) / (2 * Math.log(rope.theta));
  const [from, to] = [dimensionOf(rope.betaFast), dimensionOf(rope.betaSlow)];
  const low = Math.max(rope.truncate ? Math.floor(from) : from, 0);
  const high = Math.min(rope.truncate ? Math.ceil(to) : to, headDim - 1);
  const width = high === low ? 0.001 : high - low;
  return baseFrequencies(rope.theta, headDim).map((frequency, i) => {
    const slow = Math.min(1, Math.max(0, (i - low) / width));
    return (frequency / rope.factor) * slow + frequency * (1 - slow);
  });
}

/** Llama 3.1: long wavelengths are divided by `factor`, short ones stay, those between are blended. */
function llama3Frequencies(rope: Llama3Config & { theta: number }, headDim: number): Float64Array {
  const longest = rope.originalMaxPositions / rope.lowFreqFactor;
  const shortest = rope.originalMaxPositions / rope.highFreqFactor;
  return baseFrequencies(rope.theta, headDim).map((frequency) => {
    const wavelength = (2 * Math.PI) / frequency;
    if (wavelength > longest) return frequency / rope.factor;
    if (wavelength < shortest) return frequency;
    const smooth =
      (rope.originalMaxPositions / wavelength - rope.lowFreqFactor) /
      (rope.highFreqFactor - rope.lowFreqFactor);
    return ((1 - smooth) * frequency) / rope.factor + smooth * frequency;
  });
}

/** Radians a position, for each of the headDim / 2 pairs. @param headDim the dimensions of a head that are rotated */
export function ropeFrequencies(rope: RopeConfig, headDim: number, sequenceLength: number): Float64Array {
  if (rope.type === 'yarn') return yarnFrequencies(rope, headDim);
  if (rope.type === 'llama3') return llama3Frequencies(rope, headDim);
  if (rope.type === 'dynamic') return dynamicFrequencies(rope, headDim, sequenceLength);
  const frequencies = baseFrequencies(rope.theta, headDim);
  if (rope.type === 'frequency_factors') return frequencies.map((f, i) => f / rope.factors[i]!);
  return rope.type === 'linear' ? frequencies.map((frequency) => frequency / rope.factor) : frequencies;
}

export interface RopeTable {
  /** [positions, rotaryDim / 2] */
  readonly cos: Float32Array;
  readonly sin: Float32Array;
}

/**
 * cos and sin of positions 0 … positions−1, computed in float64.
 * @param sequenceLength longest sequence of the call; only dynamic scaling depends on it
 */
export function ropeTable(
  { rope, rotaryDim }: Pick<RotaryConfig, 'rope' | 'rotaryDim'>,
  positions: number,
  sequenceLength: number,
): RopeTable {
  const frequencies = ropeFrequencies(rope, rotaryDim, sequenceLength);
  const scale = rope.type === 'yarn' ? rope.attentionFactor : 1;
  const half = rotaryDim / 2;
  const cos = new Float32Array(positions * half);
  const sin = new Float32Array(positions * half);
  for (let position = 0; position < positions; position++) {
    for (let i = 0; i < half; i++) {
      const angle = position * frequencies[i]!;
      cos[position * half + i] = scale * Math.cos(angle);
      sin[position * half + i] = scale * Math.sin(angle);
    }
  }
  return { cos, sin };
}
