import { nodeBuiltin } from '@moect/kernels/host';

interface NodeProcess {
  readonly arch?: string;
  readonly versions?: { readonly v8?: string };
  readonly env?: { readonly MOECT_WIDE_VECTORS?: string };
}

const { process } = globalThis as { process?: NodeProcess };

/**
 * V8 majors (Node 24 to 26) whose optimizing compiler makes one 256-bit instruction of two adjacent 128-bit ones,
 * fused multiply-add included, if a flag asks for it. Only tested ones: V8 prints unknown flags to stderr.
 */
const V8_MAJORS = [13, 14];

/** Flags that V8 gets while it compiles, and the flags that undo them. */
const FLAGS = [
  ['--experimental-wasm-revectorize', '--no-experimental-wasm-revectorize'],
  // without these two V8 would compile later, when the first flag is no longer set
  ['--no-wasm-lazy-compilation', '--wasm-lazy-compilation'],
  ['--no-liftoff', '--liftoff'],
] as const;

/** Whether `wideVectors` asks for 256-bit instructions; by default, unless MOECT_WIDE_VECTORS is 0. */
export function wantsWide(option: boolean | undefined): boolean {
  return option ?? process?.env?.MOECT_WIDE_VECTORS !== '0';
}

/** Whether this engine is known to make 256-bit instructions. */
export function canBeWide(): boolean {
  const major = Number(process?.versions?.v8?.split('.')[0]);
  return process?.arch === 'x64' && V8_MAJORS.includes(major);
}

/**
 * Compiles with 256-bit instructions, or returns undefined where this engine cannot. The flags are set only while this
 * runs, and it runs to its end at once (some 50 ms), so no other module of the process is compiled with them.
 */
export function compileWide(bytes: Uint8Array<ArrayBuffer>): WebAssembly.Module | undefined {
  const v8 = canBeWide() ? nodeBuiltin<{ setFlagsFromString(flag: string): void }>('node:v8') : undefined;
  if (v8 === undefined) return undefined;
  try {
    for (const [set] of FLAGS) v8.setFlagsFromString(set);
    return new WebAssembly.Module(bytes);
  } finally {
    for (const [, unset] of FLAGS) v8.setFlagsFromString(unset);
  }
}

/** Milliseconds of the fastest of a few runs. */
function fastest(run: () => void): number {
  let best = Number.POSITIVE_INFINITY;
  for (let i = 0; i < 5; i++) {
    const start = performance.now();
    run();
    best = Math.min(best, performance.now() - start);
  }
  return best;
}

/**
 * Whether products are faster with the tile for 256-bit registers. Both tiles give the same bits, so the measurement
 * changes no result.
 * @param sample runs one product with the wide tile or the other
 */
export function isWideTileFaster(sample: (wide: boolean) => void): boolean {
  const narrow = fastest(() => sample(false));
  return fastest(() => sample(true)) < narrow;
}
