import { join } from 'node:path';

export const EXTENSION_FILE = 'extension.safetensors';
export const OPTIMIZER_FILE = 'optimizer.safetensors';
/** Weights of the best evaluation, where that was at another step. */
export const BEST_FILE = 'best.safetensors';
export const STATE_FILE = 'state.json';
/** Written last: sizes and digests of the others. */
export const COMPLETE_FILE = 'COMPLETE';

/** Folders below this name prefix are being written or being removed. */
export const TEMPORARY_PREFIX = '.';

export function checkpointsFolder(runFolder: string): string {
  return join(runFolder, 'checkpoints');
}

/** 500 → `step-000500` */
export function checkpointName(step: number): string {
  return `step-${String(step).padStart(6, '0')}`;
}

/** The step of a checkpoint's folder name, or null for other names. */
export function stepOf(name: string): number | null {
  const digits = /^step-(\d{6,})$/.exec(name)?.[1];
  return digits === undefined ? null : Number(digits);
}
