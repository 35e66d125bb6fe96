import { BackendUnavailableError } from '@moect/core';
import type { WebGPUBackend } from '@tensorflow/tfjs-backend-webgpu';
import { isSoftwareAdapter } from './adapter.ts';
import { DeviceHealth } from './device-health.ts';

type BackendClass = new (device: GPUDevice, info: GPUAdapterInfo) => WebGPUBackend;
type Read = ReturnType<WebGPUBackend['read']>;

/** TensorFlow.js's backend, on our device, with errors that are seen. */
export interface MoectWebgpuBackend extends WebGPUBackend {
  readonly health: DeviceHealth;
  /** The adapter computes on the CPU. */
  readonly isSoftware: boolean;
}

/** @param Stock the class of @tensorflow/tfjs-backend-webgpu, which is an optional peer */
export function createBackend(
  Stock: BackendClass,
  device: GPUDevice,
  info: GPUAdapterInfo,
): MoectWebgpuBackend {
  class Backend extends Stock implements MoectWebgpuBackend {
    readonly health: DeviceHealth = new DeviceHealth(device);
    readonly isSoftware: boolean = isSoftwareAdapter(info);

    override async read(dataId: object): Read {
      await this.health.settle();
      const values = await this.#readValues(dataId);
      await this.health.settle();
      return values;
    }

    async #readValues(dataId: object): Read {
      try {
        return await super.read(dataId);
      } catch (error) {
        // a lost device rejects the read; its loss says more
        await this.health.settle();
        throw error;
      } finally {
        // stock keeps a copy on the host, which would be wrong after an update in place
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

    override dispose(): void {
      this.health.dispose();
      super.dispose();
      this.device.destroy();
    }
  }
  return new Backend(device, info);
}
