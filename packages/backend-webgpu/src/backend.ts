import { BackendUnavailableError } from '@moect/core';
import type { WebGPUBackend } from '@tensorflow/tfjs-backend-webgpu';
import type { TensorInfo } from '@tensorflow/tfjs-core';
import { isSoftwareAdapter } from './adapter.ts';
import { DeviceHealth } from './device-health.ts';
import {
  checkBindingSize,
  checkBufferSize,
  type DeviceLimits,
  deviceBytes,
  limitsOf,
} from './device-limits.ts';
import { FrozenMatrices, type FrozenMatrix } from './frozen-matrices.ts';
import { fixedSubgroupSize, type ProductForms } from './product-forms.ts';

type BackendClass = new (device: GPUDevice, info: GPUAdapterInfo) => WebGPUBackend;
type Read = ReturnType<WebGPUBackend['read']>;
type RunArguments = Parameters<WebGPUBackend['runWebGPUProgram']>;

/** TensorFlow.js's WebGPU backend on our own device; errors of the device are reported. */
export interface MoectWebgpuBackend extends WebGPUBackend {
  readonly health: DeviceHealth;
  /** Tensors in compressed storage. */
  readonly frozen: FrozenMatrices;
  readonly limits: DeviceLimits;
  /** The adapter computes on the CPU. */
  readonly isSoftware: boolean;
  /** Eight invocations always form one subgroup, and subgroup functions are faster than workgroup memory. */
  readonly hasCheapSubgroups: boolean;
  /** Fixed on software adapters; tiles on GPUs, until `measureProducts` finds a faster form. */
  products: ProductForms;
}

/**
 * @param Stock the class of @tensorflow/tfjs-backend-webgpu, which is an optional peer
 * @param widen is passed to {@link FrozenMatrices}
 */
export function createBackend(
  Stock: BackendClass,
  device: GPUDevice,
  info: GPUAdapterInfo,
  widen: (backend: MoectWebgpuBackend, matrix: FrozenMatrix, y: TensorInfo) => void,
): MoectWebgpuBackend {
  class Backend extends Stock implements MoectWebgpuBackend {
    readonly health: DeviceHealth = new DeviceHealth(device);
    readonly frozen: FrozenMatrices = new FrozenMatrices(this, (matrix, y) => widen(this, matrix, y));
    readonly limits: DeviceLimits = limitsOf(device);
    readonly isSoftware: boolean = isSoftwareAdapter(info);
    readonly hasCheapSubgroups: boolean =
      this.isSoftware && device.features.has('subgroups') && info.subgroupMinSize >= 8;
    products: ProductForms = this.hasCheapSubgroups
      ? { float32: 'subgroups', frozen: 'subgroups', subgroupSize: 8 }
      : {
          float32: 'tiles',
          frozen: 'tiles',
          subgroupSize: fixedSubgroupSize(device.features, info),
        };

    /** Runs a kernel of TensorFlow.js itself, which binds every tensor as a whole. */
    override runWebGPUProgram(...given: RunArguments): ReturnType<WebGPUBackend['runWebGPUProgram']> {
      const [program, inputs] = given;
      const kernel = program.shaderKey.split('_')[0]!;
      for (const { shape } of [{ shape: program.outputShape }, ...inputs]) {
        checkBindingSize(this.limits, { shape }, deviceBytes(shape), kernel);
      }
      return super.runWebGPUProgram(...given);
    }

    /** Number of reads under way per dataId, and dataIds disposed meanwhile, which the last read frees. */
    readonly #reads = new Map<object, number>();
    readonly #readLast = new Set<object>();

    override async read(dataId: object): Read {
      this.#reads.set(dataId, (this.#reads.get(dataId) ?? 0) + 1);
      try {
        await this.health.settle();
        const values = await this.#readValues(dataId);
        await this.health.settle();
        return values;
      } finally {
        this.#endRead(dataId);
      }
    }

    #endRead(dataId: object): void {
      const left = this.#reads.get(dataId)! - 1;
      if (left > 0) this.#reads.set(dataId, left);
      else this.#reads.delete(dataId);
      if (left === 0 && this.#readLast.delete(dataId)) this.disposeData(dataId, true);
    }

    async #readValues(dataId: object): Read {
      const matrix = this.frozen.get(dataId);
      if (matrix !== undefined) return this.frozen.read(matrix, (part) => this.#readValues(part));
      try {
        return await super.read(dataId);
      } catch (error) {
        // a lost device rejects the read; the error of the loss says more
        await this.health.settle();
        throw error;
      } finally {
        // TensorFlow.js keeps a copy on the host, which an update in place makes stale
        const data = this.tensorMap.has(dataId) ? this.tensorMap.get(dataId) : undefined;
        if (data?.resource != null) (data as { values: unknown }).values = null;
      }
    }

    override readSync(dataId: object): ReturnType<WebGPUBackend['readSync']> {
      const { values } = this.tensorMap.get(dataId);
      if (values != null) return values;
      throw new BackendUnavailableError(
        'webgpu',
        'values of a GPU cannot be read synchronously, nor moved to another backend',
        'Use `await tensor.data()`, and dispose tensors before another backend is selected.',
      );
    }

    override uploadToGPU(dataId: object): void {
      const { resource, shape } = this.tensorMap.get(dataId);
      const isThere = resource != null;
      if (!isThere) checkBufferSize(this.limits, shape);
      super.uploadToGPU(dataId);
      if (!isThere) this.frozen.fill(dataId);
    }

    override submitQueue(): void {
      super.submitQueue();
      this.frozen.releaseWidened();
    }

    override disposeData(dataId: object, force = false): boolean {
      if (this.#reads.has(dataId) && (force || this.refCount(dataId) === 1)) {
        this.#readLast.add(dataId);
        return true;
      }
      const isGone = super.disposeData(dataId, force);
      if (isGone) this.frozen.forget(dataId);
      return isGone;
    }

    /** Compressed values exist only on the device. */
    override shouldExecuteOnCPU(inputs: TensorInfo[], sizeThreshold?: number): boolean {
      const isFrozen = inputs.some(({ dataId }) => this.frozen.get(dataId) !== undefined);
      return !isFrozen && super.shouldExecuteOnCPU(inputs, sizeThreshold);
    }

    override dispose(): void {
      this.health.dispose();
      super.dispose();
      this.device.destroy();
    }
  }
  return new Backend(device, info);
}
