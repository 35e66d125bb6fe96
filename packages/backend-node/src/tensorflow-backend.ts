import { type Implementation, implementKernel, type KernelSpec } from '@moect/kernels';
import type { TensorInfo } from '@tensorflow/tfjs-core';
import * as tf from '@tensorflow/tfjs-core';

/** The name under which tfjs-node and tfjs-node-gpu register themselves. */
export const TENSORFLOW = 'tensorflow';

export interface OpAttribute {
  readonly name: string;
  readonly type: number;
  readonly value: number | boolean | string | readonly number[];
}

export interface OpOutput {
  readonly id: number;
  readonly shape: number[];
  readonly dtype: number;
}

/** The addon: TensorFlow's eager mode, tensors by number. */
export interface Binding {
  readonly TF_Version: string;
  readonly TF_FLOAT: number;
  readonly TF_INT32: number;
  readonly TF_BOOL: number;
  readonly TF_ATTR_INT: number;
  readonly TF_ATTR_BOOL: number;
  readonly TF_ATTR_TYPE: number;
  readonly TF_ATTR_SHAPE: number;
  readonly TF_ATTR_STRING: number;
  createTensor(shape: readonly number[], dtype: number, values: Float32Array | Int32Array): number;
  deleteTensor(id: number): void;
  executeOp(
    name: string,
    attributes: readonly OpAttribute[],
    inputs: readonly number[],
    outputs: number,
  ): OpOutput[];
}

/** The backend's entry of a tensor. */
export interface TensorEntry {
  readonly shape: readonly number[];
  readonly dtype: number;
  id: number;
  values: null;
  refCount: number;
}

/** The part of tfjs-node's backend that we use; the package is optional, so its types are not at hand. */
export interface TensorflowBackend {
  readonly isUsingGpuDevice: boolean;
  readonly binding: Binding;
  readonly tensorMap: {
    get(dataId: TensorInfo['dataId']): TensorEntry;
    set(dataId: TensorInfo['dataId'], entry: TensorEntry): void;
  };
  /** Numbers of the tensors; copies values that are still on the host to TensorFlow. */
  getInputTensorIds(tensors: readonly TensorInfo[]): number[];
}

export function tensorflowBackend(): TensorflowBackend {
  return tf.findBackend(TENSORFLOW) as unknown as TensorflowBackend;
}

/** A checked call of a kernel of the table. */
export type TensorflowCall<S extends KernelSpec> = Parameters<Implementation<S, TensorflowBackend>>[0];

/** Adds a kernel of the table to TensorFlow.js's registry for this backend. */
export function implement<S extends KernelSpec>(spec: S, kernel: Implementation<S, TensorflowBackend>): void {
  implementKernel<S, TensorflowBackend>(TENSORFLOW, spec, kernel);
}
