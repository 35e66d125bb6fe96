import { BackendUnavailableError } from '@moect/core';

const FILTERS: readonly GPUErrorFilter[] = ['validation', 'out-of-memory', 'internal'];
const REMEDY =
  'Values on the device are not to be trusted any more; the last checkpoint is intact: resume from it (`--resume`).';

/**
 * Keeps the first error of a device. WebGPU reports errors later and elsewhere; this class throws them at the
 * next read of values, and at each one after that, so that no wrong value is ever saved.
 */
export class DeviceHealth {
  readonly #device: GPUDevice;
  #failure: BackendUnavailableError | undefined;
  #disposed = false;

  constructor(device: GPUDevice) {
    this.#device = device;
    device.addEventListener('uncapturederror', ({ error }) => this.#fail(error));
    void device.lost.then(({ reason, message }) => {
      this.#failure ??= new BackendUnavailableError(
        'webgpu',
        `the device was lost (${reason === 'unknown' ? 'no reason given' : reason}: ${message.trim()})`,
        REMEDY,
      );
    });
    this.#pushScopes();
  }

  get failed(): boolean {
    return this.#failure !== undefined;
  }

  /** @throws BackendUnavailableError after a failure */
  check(): void {
    if (this.#failure !== undefined && !this.#disposed) throw this.#failure;
  }

  /** Waits for the errors of all calls to the device so far. @throws BackendUnavailableError if there are any */
  async settle(): Promise<void> {
    this.check();
    const scopes = FILTERS.map(() => this.#device.popErrorScope());
    this.#pushScopes();
    for (const scope of scopes) {
      // rejects only if the device is lost
      const error = await scope.catch(() => null);
      if (error !== null) this.#fail(error);
    }
    this.check();
  }

  /** Silences later errors: the device is about to be destroyed on purpose. */
  dispose(): void {
    this.#disposed = true;
  }

  #fail({ message }: GPUError): void {
    this.#failure ??= new BackendUnavailableError('webgpu', `the device reports: ${message.trim()}`, REMEDY);
  }

  #pushScopes(): void {
    for (const filter of FILTERS) this.#device.pushErrorScope(filter);
  }
}
