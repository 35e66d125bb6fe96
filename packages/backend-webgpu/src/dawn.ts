import { BackendUnavailableError } from '@moect/core';
import { requireVulkan } from './linux-gpu.ts';

interface Dawn {
  create(flags: string[]): GPU;
  readonly globals: object;
}

let started: GPU | undefined;

/** Name of the package; not a literal in `import()`, so that bundlers for browsers leave it alone. */
const PACKAGE: string = 'webgpu';

/** Loads Dawn's WebGPU and installs it as `navigator.gpu`, where TensorFlow.js looks for it. */
export async function importDawn(): Promise<GPU> {
  if (started !== undefined) return started;
  requireVulkan();
  let dawn: Dawn;
  try {
    dawn = (await import(/* @vite-ignore */ /* webpackIgnore: true */ PACKAGE)) as Dawn;
  } catch (cause) {
    throw new BackendUnavailableError(
      'webgpu',
      `Node needs the package '${PACKAGE}' for it (${(cause as Error).message})`,
      `Install it: npm install ${PACKAGE} @tensorflow/tfjs-backend-webgpu`,
      cause,
    );
  }
  Object.assign(globalThis, dawn.globals);
  started = dawn.create([]);
  if ((globalThis.navigator as Navigator | undefined) === undefined) {
    Object.defineProperty(globalThis, 'navigator', { value: {}, configurable: true, writable: true });
  }
  Object.defineProperty(globalThis.navigator, 'gpu', { value: started, configurable: true });
  return started;
}
