import { installWasmBackend } from './wasm/register.ts';

export {
  resetWasmHeapPeak,
  traceWasmHeap,
  type WasmHeapStatistics,
  wasmHeapBytes,
  wasmHeapStatistics,
} from './wasm/heap.ts';
export { extrapolateHeap, type HeapDemand, type HeapTrace } from './wasm/heap-trace.ts';
export {
  registerWasmBackend,
  type WasmBackendInfo,
  type WasmBackendOptions,
} from './wasm/register.ts';

installWasmBackend();
