import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** JSON from the reference data beside the repository, or null with a printed reason: clones come without it. */
export function sharedJson<T>(path: string): T | null {
  const full = fileURLToPath(new URL(`../../../../../shared/${path}`, import.meta.url));
  if (existsSync(full)) return JSON.parse(readFileSync(full, 'utf8')) as T;
  console.warn(`skipped: ../shared/${path} is not there`);
  return null;
}
