import { activeBackend, type BackendInfo, type BackendName, selectBackend } from '@moect/tensor';

/** Last choice, and TensorFlow.js's name for it. */
let last: { readonly info: BackendInfo; readonly engineName: string } | null = null;

/**
 * `selectBackend` with all cores; the number of threads changes the speed, never a bit. Without a name it keeps the
 * last choice while that backend is active, so that a second base does not leave the first on another backend.
 * Throws BackendUnavailableError.
 */
export async function chooseBackend(name?: BackendName | 'auto', threads?: number): Promise<BackendInfo> {
  const isFree = name === undefined && threads === undefined;
  if (isFree && last !== null && last.engineName === activeBackend()) return last.info;
  const info = await selectBackend(name ?? 'auto', threads === undefined ? {} : { threads });
  last = { info, engineName: activeBackend() };
  return info;
}
