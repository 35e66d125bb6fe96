import { BackendUnavailableError } from '@moect/core';

const PAGE = 65536;
/** 4 GiB: all that 32-bit addresses reach. */
const MOST_PAGES = 65536;
/** 16 MiB to begin with. */
const FIRST_PAGES = 256;

export interface LimitedMemory {
  readonly memory: WebAssembly.Memory;
  readonly mostPages: number;
}

/**
 * Engines reserve 8 to 10 GiB of addresses for any memory, however small, so that they need not check each access; V8 of
 * Node 24 does without where the address space is limited.
 */
function noAddressSpace(cause: unknown): BackendUnavailableError {
  return new BackendUnavailableError(
    'moect-wasm',
    `this process has no address space for a WebAssembly memory, of which the engine reserves about 10 GiB (${(cause as Error).message})`,
    'Raise the limit of the address space (ulimit -v unlimited, or that of the container or job), use Node 24 or newer, or set NODE_OPTIONS=--disable-wasm-trap-handler, which is slower.',
    cause,
  );
}

/** A memory with the requested limit, by default 4 GiB, or with the largest that the address space allows. @throws BackendUnavailableError where it allows none */
export function createMemory(limitBytes: number | undefined, shared: boolean): LimitedMemory {
  const wanted = limitBytes === undefined ? MOST_PAGES : Math.ceil(limitBytes / PAGE);
  let maximum = Math.max(FIRST_PAGES, Math.min(MOST_PAGES, wanted));
  for (;;) {
    try {
      const memory = new WebAssembly.Memory({ initial: FIRST_PAGES, maximum, shared });
      return { memory, mostPages: maximum };
    } catch (error) {
      if (maximum === FIRST_PAGES) throw noAddressSpace(error);
      maximum = Math.max(FIRST_PAGES, maximum >> 1);
    }
  }
}
