export { type AdapterSummary, type AdapterTexts, findAdapter, isSoftwareAdapter } from './webgpu/adapter.ts';
export { registerWebgpuBackend, type WebgpuBackendInfo } from './webgpu/register.ts';
