import type { StepMetrics } from '@moect/core';

/** 3725 → `1:02:05`, 65 → `1:05`. */
export function formatDuration(seconds: number): string {
  if (!Number.isFinite(seconds)) return '?';
  const whole = Math.max(0, Math.round(seconds));
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const two = (value: number): string => String(value).padStart(2, '0');
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

/** 1234567 → `1.23M`. */
export function formatCount(value: number): string {
  for (const [unit, size] of [
    ['G', 1e9],
    ['M', 1e6],
    ['k', 1e3],
  ] as const) {
    if (value >= size) return `${(value / size).toPrecision(3)}${unit}`;
  }
  return value.toFixed(0);
}

export interface Pace {
  /** Tokens a second, smoothed. */
  readonly tokensPerSecond: number;
  readonly secondsLeft: number;
}

/**
 * `1:05 left  step 120/500  loss 2.3456  12.3k tok/s  lr 1.0e-3  norm 0.52  eng_Latn 2.10  swh_Latn 2.60`: narrow
 * terminals cut the end, so what people wait for comes first.
 */
export function progressLine(metrics: StepMetrics, pace: Pace): string {
  const languages = Object.entries(metrics.lossByLanguage);
  const losses = languages.map(([code, loss]) => `${code} ${loss.toFixed(2)}`);
  return [
    `${formatDuration(pace.secondsLeft)} left`,
    `step ${metrics.step}/${metrics.totalSteps}`,
    `loss ${metrics.loss.toFixed(4)}`,
    `${formatCount(pace.tokensPerSecond)} tok/s`,
    `lr ${metrics.learningRate.toExponential(1)}`,
    `norm ${metrics.gradientNorm.toFixed(2)}`,
    ...(losses.length < 2 ? [] : losses),
  ].join('  ');
}

/** `[#####-----]` */
export function bar(share: number, width: number): string {
  const filled = Math.round(Math.min(1, Math.max(0, share)) * width);
  return `[${'#'.repeat(filled)}${'-'.repeat(width - filled)}]`;
}
