import { type BackendInfo, type BackendName, selectBackend } from '@moect/tensor';

/** `selectBackend` with all cores. The number of threads changes the speed, never a bit. Throws BackendUnavailableError. */
export async function chooseBackend(
  name: BackendName | 'auto' = 'auto',
  threads?: number,
): Promise<BackendInfo> {
  return selectBackend(name, threads === undefined ? {} : { threads });
}
