import { BackendUnavailableError, InvalidConfigError } from '@moect/core';
import { activeBackend, type BackendInfo, type BackendName, selectBackend } from '@moect/tensor';

/** Last choice, and TensorFlow.js's name for it. */
let last: { readonly info: BackendInfo; readonly engineName: string } | null = null;

/** The number of threads is the backend's, and so that of every base on it. */
async function start(name: BackendName | 'auto', threads: number | undefined): Promise<BackendInfo> {
  try {
    return await selectBackend(name, threads === undefined ? {} : { threads });
  } catch (error) {
    const isHeld = error instanceof BackendUnavailableError && /options cannot change/.test(error.reason);
    if (!isHeld || last === null) throw error;
    const message = `is ${threads ?? 'all cores'}, but a base or pack is open on ${last.info.threads} thread(s)`;
    const hint = 'Leave `threads` out, or dispose the bases and packs that are open first.';
    throw new InvalidConfigError('openBase', [{ path: 'threads', message }], hint);
  }
}

/**
 * `selectBackend` with all cores; the number of threads changes the speed, never a bit. Without a name it keeps the
 * last choice while that backend is active, so that a second base does not leave the first on another backend.
 * Throws BackendUnavailableError.
 */
export async function chooseBackend(name?: BackendName | 'auto', threads?: number): Promise<BackendInfo> {
  const isFree = name === undefined && threads === undefined;
  if (isFree && last !== null && last.engineName === activeBackend()) return last.info;
  const info = await start(name ?? 'auto', threads);
  last = { info, engineName: activeBackend() };
  return info;
}
