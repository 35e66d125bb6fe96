export { type AdapterSummary, type AdapterTexts, findAdapter, isSoftwareAdapter } from './adapter.ts';
export { mayHaveGpu } from './linux-gpu.ts';
export {
  emptyWebgpuPool,
  traceWebgpuPool,
  type WebgpuMemory,
  webgpuLogitRows,
  webgpuMemory,
} from './pool.ts';
export { extrapolatePool, type PoolDemand, type PoolTrace } from './pool-trace.ts';
export { registerWebgpuBackend, type WebgpuBackendInfo } from './register.ts';
