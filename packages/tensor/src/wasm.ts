import { installWasmBackend } from './wasm/register.ts';

export {
  registerWasmBackend,
  type WasmBackendInfo,
  type WasmBackendOptions,
  wasmHeapBytes,
} from './wasm/register.ts';

installWasmBackend();
