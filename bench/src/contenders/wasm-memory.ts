import { registerWasmBackend } from '@moect/tensor/wasm';

/** Size of our backend's memory: its peak, as wasm memory never shrinks. */
export async function wasmHeapBytes(): Promise<number> {
  return (await registerWasmBackend()).memoryBytes;
}
