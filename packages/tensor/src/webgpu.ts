export { type AdapterSummary, type AdapterTexts, findAdapter, isSoftwareAdapter } from './webgpu/adapter.ts';
export {
  emptyWebgpuPool,
  traceWebgpuPool,
  type WebgpuMemory,
  webgpuLogitRows,
  webgpuMemory,
} from './webgpu/pool.ts';
export { extrapolatePool, type PoolDemand, type PoolTrace } from './webgpu/pool-trace.ts';
export { registerWebgpuBackend, type WebgpuBackendInfo } from './webgpu/register.ts';
