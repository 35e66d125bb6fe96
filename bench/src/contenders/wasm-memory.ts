import { registerWasmBackend } from '@moect/backend-wasm';

/** Size of our backend's memory: its peak, as wasm memory never shrinks. */
export async function wasmHeapBytes(): Promise<number> {
  return (await registerWasmBackend()).memoryBytes;
}
