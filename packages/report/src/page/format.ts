import type { Interval } from '../schema/report-parts.ts';

const MINUS = '\u2212';

/** A number with a typographic minus. */
export function decimal(value: number, digits: number): string {
  const text = value.toFixed(digits);
  // −0.00 has no more meaning than 0.00
  return Number(text) === 0 ? text.replace('-', '') : text.replace('-', MINUS);
}

export const signed = (value: number, digits: number): string =>
  `${Number(value.toFixed(digits)) > 0 ? '+' : ''}${decimal(value, digits)}`;

/** Digits of a percentage: small values need more. */
const digitsOf = (percent: number): number => (Math.abs(percent) < 1 ? 2 : Math.abs(percent) < 10 ? 1 : 0);

/** A signed percentage of a share, for example `+0.39 %`. */
export function percentChange(share: number): string {
  return `${signed(100 * share, digitsOf(100 * share))}\u00a0%`;
}

export function percent(share: number, digits = 0): string {
  return `${decimal(100 * share, digits)}\u00a0%`;
}

/** `[+0.21, +0.55] %`, with as many digits as the wider end needs. */
export function percentInterval([low, high]: Interval): string {
  const digits = Math.max(digitsOf(100 * low), digitsOf(100 * high));
  return `[${signed(100 * low, digits)}, ${signed(100 * high, digits)}]\u00a0%`;
}

const UNITS = ['', 'k', 'M', 'G', 'T'];

/** Three significant digits and a unit prefix: 1.37 M. */
export function compact(value: number, unit = ''): string {
  let [scaled, step] = [value, 0];
  while (Math.abs(scaled) >= 999.5 && step < UNITS.length - 1) {
    scaled /= 1000;
    step++;
  }
  const digits = step === 0 || Math.abs(scaled) >= 99.95 ? 0 : Math.abs(scaled) >= 9.995 ? 1 : 2;
  const suffix = `${UNITS[step]!}${unit}`;
  return suffix === '' ? decimal(scaled, digits) : `${decimal(scaled, digits)}\u00a0${suffix}`;
}

export function duration(seconds: number): string {
  const whole = Math.round(seconds);
  if (whole < 120) return `${whole}\u00a0s`;
  const minutes = Math.floor(whole / 60);
  if (minutes < 120) return `${minutes}\u00a0min ${whole % 60}\u00a0s`;
  return `${Math.floor(minutes / 60)}\u00a0h ${minutes % 60}\u00a0min`;
}

/** `7 documents`, `1 document`. */
export function plural(count: number, noun: string): string {
  return `${count.toLocaleString('en')} ${noun}${count === 1 ? '' : 's'}`;
}

/** `a, b and c` */
export function listed(items: readonly string[]): string {
  return items.length < 2 ? items.join('') : `${items.slice(0, -1).join(', ')} and ${items.at(-1)}`;
}
