/** Specs of tfjs-core that pass on its cpu backend but are not required of ours, with the reason. */
export const EXCEPTIONS: ReadonlyMap<string, string> = new Map([
  [
    'Switching cpu backends any backend {} Move data from cpu1 to cpu2 backend',
    'only defined where the backend under test is named cpu; tests the engine with two plain cpu backends',
  ],
  [
    'Switching cpu backends any backend {} can execute op with data from mixed backends',
    'only defined where the backend under test is named cpu; tests the engine with two plain cpu backends',
  ],
]);
