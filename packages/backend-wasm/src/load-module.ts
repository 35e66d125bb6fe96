import { BackendUnavailableError } from '@moect/core';
import { nodeBuiltin } from '@moect/kernels/host';
import { wasmPlain } from './generated/wasm-plain.ts';
import { wasmRelaxed } from './generated/wasm-relaxed.ts';
import { compileWide } from './wide-vectors.ts';

// (func (param v128 v128 v128) (result v128) (f32x4.relaxed_madd ...))
const relaxedProbe = [
  0, 97, 115, 109, 1, 0, 0, 0, 1, 8, 1, 96, 3, 123, 123, 123, 1, 123, 3, 2, 1, 0, 10, 13, 1, 11, 0, 32, 0, 32,
  1, 32, 2, 253, 133, 2, 11,
];
// (func (result v128) (v128.const ...))
const simdProbe = [
  0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 22, 1, 20, 0, 253, 12, 0, 0, 0, 0, 0,
  0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 11,
];

/** Whether this runtime compiles relaxed SIMD (fused multiply-add). On Node 20 this sets the V8 flag for it. */
export function hasRelaxedSimd(): boolean {
  const probe = new Uint8Array(relaxedProbe);
  if (WebAssembly.validate(probe)) return true;
  try {
    nodeBuiltin<{ setFlagsFromString(flag: string): void }>('node:v8')?.setFlagsFromString(
      '--experimental-wasm-relaxed-simd',
    );
  } catch {
    return false;
  }
  return WebAssembly.validate(probe);
}

export interface CompiledModule {
  readonly module: WebAssembly.Module;
  /** Whether pairs of 128-bit operations were compiled to 256-bit instructions. */
  readonly wideVectors: boolean;
}

/**
 * Compiles the backend's module.
 * @param wide with 256-bit instructions where the engine can be told to
 * @throws BackendUnavailableError where wasm SIMD is missing
 */
export async function compileModule(
  relaxed: boolean,
  shared: boolean,
  wide: boolean,
): Promise<CompiledModule> {
  if (typeof WebAssembly === 'undefined' || !WebAssembly.validate(new Uint8Array(simdProbe))) {
    throw new BackendUnavailableError(
      'moect-wasm',
      'this runtime has no WebAssembly SIMD',
      "Use Node 20 or newer or a current browser, or the backend 'cpu'.",
    );
  }
  const bytes = Uint8Array.from(atob(relaxed ? wasmRelaxed : wasmPlain), (c) => c.charCodeAt(0));
  const binary = shared ? bytes : withoutSharedMemory(bytes);
  const module = wide ? compileWide(binary) : undefined;
  return { module: module ?? (await WebAssembly.compile(binary)), wideVectors: module !== undefined };
}

/** The same binary with its memory import declared as not shared: one flag byte in the import section. */
export function withoutSharedMemory(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  // module "env" (3), name "memory" (6), kind memory (2), limits: shared with maximum (3)
  const pattern = [3, 101, 110, 118, 6, 109, 101, 109, 111, 114, 121, 2, 3];
  const at = bytes.findIndex((_, i) => pattern.every((value, j) => bytes[i + j] === value));
  if (at < 0) throw new Error('The wasm binary imports no shared memory.');
  const copy = bytes.slice();
  copy[at + pattern.length - 1] = 1;
  return copy;
}
