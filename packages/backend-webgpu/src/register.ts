import { BackendUnavailableError } from '@moect/core';
import '@moect/kernels/tfjs-gradients';
import * as tf from '@tensorflow/tfjs-core';
import { type AdapterSummary, requestAdapter, summarize } from './adapter.ts';
import { createBackend, type MoectWebgpuBackend } from './backend.ts';
import { requestDevice } from './device.ts';
import { widenInto } from './kernels/compressed.ts';
import { registerKernels } from './kernels/register-kernels.ts';
import { type MeasuredProducts, measureProducts } from './measure-products.ts';
import { checkForm, formsOn, type ProductForm, wantedForm } from './product-forms.ts';

/** TensorFlow.js registers its kernels under this name. */
const NAME = 'webgpu';

export interface WebgpuBackendInfo extends AdapterSummary {
  readonly name: typeof NAME;
  /** WebGPU features of the device that kernels can use. */
  readonly features: readonly string[];
  /** Forms of products, for float32 and for frozen weights in 16 or 8 bits. */
  readonly products: { readonly float32: ProductForm; readonly frozen: ProductForm };
  /** Speed of `float16` for frozen weights relative to the fastest exact form; undefined if not measured. */
  readonly float16Gain?: number;
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

/** Removes another backend of that name: TensorFlow.js's own, which registers itself, or ours that failed. */
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
  // before Dawn is loaded: the package registers its own backend where it finds WebGPU
  const { WebGPUBackend } = await importStock();
  registerKernels();
  const adapter = await requestAdapter();
  removeOther();
  const device = await requestDevice(adapter);
  const backend = createBackend(WebGPUBackend, device, adapter.info, widenInto);
  const { forms, float16Gain } = await chooseProducts(backend);
  backend.products = forms;
  tf.registerBackend(NAME, () => backend, 3);
  const info = {
    name: NAME,
    ...summarize(adapter),
    features: [...device.features].sort(),
    products: { float32: forms.float32, frozen: forms.frozen },
    ...(float16Gain !== undefined && { float16Gain }),
  } as const;
  return { backend, info };
}

/** The form in MOECT_WEBGPU_PRODUCTS; without it, software adapters keep theirs and GPUs are measured. */
async function chooseProducts(backend: MoectWebgpuBackend): Promise<MeasuredProducts> {
  const { products, isSoftware, device } = backend;
  const wanted = wantedForm();
  if (wanted === undefined && !isSoftware) return measureProducts(backend);
  if (wanted === undefined) return { forms: products, float16Gain: undefined };
  checkForm(wanted, formsOn(device.features, products.subgroupSize));
  const float32 = wanted === 'float16' ? 'tiles' : wanted;
  return { forms: { ...products, float32, frozen: wanted }, float16Gain: undefined };
}

let starting: Promise<Active> | undefined;

/**
 * Makes the backend 'webgpu' ready for `tf.setBackend('webgpu')`: on this machine's fastest adapter, in browsers
 * and in Node. A second call returns the same backend; after a device loss it starts a new one, and tensors of the
 * lost device are gone.
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
