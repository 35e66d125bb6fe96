interface NodeProcess {
  readonly arch?: string;
  readonly versions?: { readonly node?: string };
}

/** First version whose V8 makes 256-bit instructions of the wasm backend's kernels. */
const WIDE_NODE = 24;

/**
 * Says that a newer Node would train faster, or null where it would not: on other processors than x64, in browsers.
 * The figure is that of full training steps of a 30 M Llama (docs/decisions/2026-11-25-wide-vectors.md).
 */
export function newerNodeNote(
  { arch, versions }: NodeProcess = (globalThis as { process?: NodeProcess }).process ?? {},
): string | null {
  const version = versions?.node;
  if (version === undefined || arch !== 'x64' || Number(version.split('.')[0]) >= WIDE_NODE) return null;
  return `Node ${WIDE_NODE} or newer is about 1.7 times as fast with the wasm backend (256-bit kernels); this is Node ${version}`;
}
