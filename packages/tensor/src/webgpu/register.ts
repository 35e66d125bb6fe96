import { BackendUnavailableError } from '@moect/core';
import { tf } from '../tf.ts';
import { type AdapterSummary, requestAdapter, summarize } from './adapter.ts';
import { createBackend, type MoectWebgpuBackend } from './backend.ts';
import { requestDevice } from './device.ts';
import { widenInto } from './kernels/compressed.ts';
import { registerKernels } from './kernels/register-kernels.ts';

/** TensorFlow.js registers its kernels under this name. */
const NAME = 'webgpu';

export interface WebgpuBackendInfo extends AdapterSummary {
  readonly name: typeof NAME;
  /** WebGPU features of the device that kernels can use. */
  readonly features: readonly string[];
}

interface Active {
  readonly backend: MoectWebgpuBackend;
  readonly info: WebgpuBackendInfo;
}

let active: Active | undefined;

async function importStock(): Promise<typeof import('@tensorflow/tfjs-backend-webgpu')> {
  try {
    return await import('@tensorflow/tfjs-backend-webgpu');
  } catch (cause) {
    throw new BackendUnavailableError(
      NAME,
      `the package '@tensorflow/tfjs-backend-webgpu' is not there (${(cause as Error).message})`,
      'Install it: npm install @tensorflow/tfjs-backend-webgpu',
      cause,
    );
  }
}

/** Takes out a backend of that name: TensorFlow.js's own, which registers itself, or ours that failed. */
function removeOther(): void {
  const { registry, registryFactory } = tf.engine();
  if (registryFactory[NAME] === undefined) return;
  const current = registry[NAME];
  if (current !== undefined && current !== active?.backend) {
    throw new BackendUnavailableError(
      NAME,
      "TensorFlow.js's own WebGPU backend is in use already",
      'Register this one before the first `tf.setBackend`.',
    );
  }
  tf.removeBackend(NAME);
  active = undefined;
}

async function start(): Promise<Active> {
  // before Dawn is there: the package registers a backend of its own where it sees WebGPU
  const { WebGPUBackend } = await importStock();
  registerKernels();
  const adapter = await requestAdapter();
  removeOther();
  const device = await requestDevice(adapter);
  const backend = createBackend(WebGPUBackend, device, adapter.info, widenInto);
  tf.registerBackend(NAME, () => backend, 3);
  const features = [...device.features].sort();
  return { backend, info: { name: NAME, ...summarize(adapter), features } };
}

let starting: Promise<Active> | undefined;

/**
 * Makes the backend 'webgpu' ready for `tf.setBackend('webgpu')`: on this machine's fastest adapter, in browsers and
 * in Node. A second call returns what is there; after a device loss it starts anew, and tensors of the lost device
 * are gone.
 * @throws BackendUnavailableError where a package or an adapter is missing
 */
export async function registerWebgpuBackend(): Promise<WebgpuBackendInfo> {
  if (active !== undefined && !active.backend.health.failed) return active.info;
  starting ??= start().finally(() => {
    starting = undefined;
  });
  active = await starting;
  return active.info;
}
