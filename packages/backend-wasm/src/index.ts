import '@moect/kernels/tfjs-gradients';
import { installWasmBackend } from './register.ts';

export {
  resetWasmHeapPeak,
  traceWasmHeap,
  type WasmHeapStatistics,
  wasmHeapBytes,
  wasmHeapStatistics,
} from './heap.ts';
export { extrapolateHeap, type HeapDemand, type HeapTrace } from './heap-trace.ts';
export {
  registerWasmBackend,
  type WasmBackendInfo,
  type WasmBackendOptions,
} from './register.ts';

installWasmBackend();
