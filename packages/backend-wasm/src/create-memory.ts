const PAGE = 65536;
/** 4 GiB: all that 32-bit addresses reach. */
const MOST_PAGES = 65536;
/** 16 MiB to begin with. */
const FIRST_PAGES = 256;

export interface LimitedMemory {
  readonly memory: WebAssembly.Memory;
  readonly mostPages: number;
}

/** A memory with the requested limit, by default 4 GiB, or with the largest that the address space allows. */
export function createMemory(limitBytes: number | undefined, shared: boolean): LimitedMemory {
  const wanted = limitBytes === undefined ? MOST_PAGES : Math.ceil(limitBytes / PAGE);
  let maximum = Math.max(FIRST_PAGES, Math.min(MOST_PAGES, wanted));
  for (;;) {
    try {
      const memory = new WebAssembly.Memory({ initial: FIRST_PAGES, maximum, shared });
      return { memory, mostPages: maximum };
    } catch (error) {
      if (maximum === FIRST_PAGES) throw error;
      maximum = Math.max(FIRST_PAGES, maximum >> 1);
    }
  }
}
