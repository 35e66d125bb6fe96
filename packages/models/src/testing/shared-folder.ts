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
