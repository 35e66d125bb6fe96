import { create, globals } from 'webgpu';

/** A contender's use of a GPU, or of a driver that computes on the CPU. */
export interface DawnUse {
  /** Name that the driver reports. */
  readonly adapter: string;
  dispatches(): number;
}

/** Installs Dawn's WebGPU as `navigator.gpu`, the same for all contenders, and counts the dispatches. */
export async function startDawn(): Promise<DawnUse> {
  Object.assign(globalThis, globals);
  if (!('navigator' in globalThis)) Object.defineProperty(globalThis, 'navigator', { value: {} });
  Object.defineProperty(globalThis.navigator, 'gpu', { value: create([]) });
  const adapter = await navigator.gpu.requestAdapter({ powerPreference: 'high-performance' });
  if (adapter === null) throw new Error('WebGPU finds no adapter');
  let dispatches = 0;
  const { prototype } = GPUComputePassEncoder;
  for (const name of ['dispatchWorkgroups', 'dispatchWorkgroupsIndirect'] as const) {
    const dispatch = prototype[name] as (...args: unknown[]) => undefined;
    prototype[name] = function (this: GPUComputePassEncoder, ...args: unknown[]) {
      dispatches++;
      return dispatch.apply(this, args);
    };
  }
  const { description, device, vendor } = adapter.info;
  return { adapter: description || device || vendor || 'unknown', dispatches: () => dispatches };
}
