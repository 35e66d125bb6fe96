import { create, globals } from 'webgpu';

/** What a contender did on a GPU, or on a driver that computes on the CPU. */
export interface DawnUse {
  /** As the driver names it. */
  readonly adapter: string;
  dispatches(): number;
}

/** Dawn's WebGPU where browsers have theirs, the same for all contenders; counts the dispatches. */
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
