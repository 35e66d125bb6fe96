const SECONDS = { s: 1, min: 60, h: 3600, d: 86_400 } as const;

/** `90s`, `30min`, `2h`, `1.5d`. */
export const DURATION: RegExp = /^(\d+(?:\.\d+)?)\s*(s|min|h|d)$/;

/** Seconds of a duration that matches {@link DURATION}. */
export function secondsOf(duration: string): number {
  const [, number, unit] = DURATION.exec(duration)!;
  return Number(number) * SECONDS[unit as keyof typeof SECONDS];
}
