import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/**
 * Path inside the folder of reference data beside the repository, or null with a printed reason: clones come
 * without it, and what needs it is skipped there.
 */
export function sharedFolder(path: string): string | null {
  const full = fileURLToPath(new URL(`../../../../../shared/${path}`, import.meta.url));
  if (existsSync(full)) return full;
  console.warn(`skipped: ../shared/${path} is not there`);
  return null;
}

/** Largest |a − b|; NaN counts as infinite. */
export function maxDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) return Number.POSITIVE_INFINITY;
  let worst = 0;
  for (let i = 0; i < a.length; i++) {
    const difference = Math.abs(a[i]! - b[i]!);
    if (!(difference <= worst)) worst = Number.isNaN(difference) ? Number.POSITIVE_INFINITY : difference;
  }
  return worst;
}
