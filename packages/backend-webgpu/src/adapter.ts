import { BackendUnavailableError } from '@moect/core';
import { importDawn } from './dawn.ts';

export interface AdapterSummary {
  /** Vendor, architecture and the driver's own description, for display. */
  readonly description: string;
  /** Computes on the CPU (lavapipe, SwiftShader, WARP): correct, but slower than the wasm backend. */
  readonly isSoftware: boolean;
}

/** The used part of WebGPU's GPUAdapterInfo. */
export interface AdapterTexts {
  readonly vendor?: string;
  readonly architecture?: string;
  readonly device?: string;
  readonly description?: string;
  readonly isFallbackAdapter?: boolean;
}

/** Names of software adapters, for browsers and drivers that do not set `isFallbackAdapter`. */
const SOFTWARE = /llvmpipe|lavapipe|softpipe|swiftshader|software|basic render|\bwarp\b/i;

function infoTexts({ vendor, architecture, device, description }: AdapterTexts): string[] {
  return [vendor, architecture, device, description].filter(
    (text) => text !== undefined && text !== '',
  ) as string[];
}

/** True if the adapter is a program on the CPU, not a GPU. */
export function isSoftwareAdapter(info: AdapterTexts): boolean {
  return info.isFallbackAdapter === true || infoTexts(info).some((text) => SOFTWARE.test(text));
}

/** The platform's WebGPU: the browser's, else Dawn's in Node. */
async function gpu(): Promise<GPU> {
  const builtIn = (globalThis.navigator as Navigator | undefined)?.gpu;
  if (builtIn !== undefined && builtIn !== null) return builtIn;
  if (globalThis.process?.versions?.node !== undefined) return importDawn();
  throw new BackendUnavailableError(
    'webgpu',
    'this browser has no WebGPU here',
    'Serve the page over https or from localhost, and use a current Chromium, Firefox or Safari; wasm works anywhere.',
  );
}

/** The fastest adapter of this machine. @throws BackendUnavailableError where there is none */
export async function requestAdapter(): Promise<GPUAdapter> {
  const adapter = await (await gpu()).requestAdapter({ powerPreference: 'high-performance' });
  if (adapter !== null) return adapter;
  throw new BackendUnavailableError(
    'webgpu',
    'WebGPU found no adapter',
    "Install the GPU's driver (on Linux with Vulkan and libvulkan1), or use another backend.",
  );
}

export function summarize({ info }: GPUAdapter): AdapterSummary {
  const isSoftware = isSoftwareAdapter(info);
  const texts = [...new Set(infoTexts(info))].join(', ');
  return { description: texts === '' ? 'an adapter without a name' : texts, isSoftware };
}

/** Looks for an adapter without starting the backend. @throws BackendUnavailableError where there is none */
export async function findAdapter(): Promise<AdapterSummary> {
  return summarize(await requestAdapter());
}
