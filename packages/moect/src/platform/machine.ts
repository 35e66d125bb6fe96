import { statfs } from 'node:fs/promises';
import { dirname } from 'node:path';

/** Bytes that this process may still take: free memory of the machine, or of its container if that is less. */
export function availableMemory(): number {
  return process.availableMemory();
}

/** Bytes free on the disk of a folder that need not exist yet; null if the system does not tell. */
export async function freeDisk(folder: string): Promise<number | null> {
  try {
    const { bavail, bsize } = await statfs(folder);
    return bavail * bsize;
  } catch {
    const parent = dirname(folder);
    return parent === folder ? null : freeDisk(parent);
  }
}

/** Most bytes that this process has held in memory. */
export function peakMemory(): number {
  return process.resourceUsage().maxRSS * 1024;
}
