import { NoMatchingParameterError } from '@moect/core';
import { checkFinite } from './decode.ts';
import type { HostTensor, SafetensorsDType } from './dtype.ts';
import type { SafetensorsFile } from './read-safetensors.ts';

/** Named tensors of one or several files. */
export interface TensorStore {
  /** For messages. */
  readonly name: string;
  readonly shapes: ReadonlyMap<string, readonly number[]>;
  /** Element type of a tensor as it lies in the file; undefined for names that are not there. */
  dtypeOf?(name: string): SafetensorsDType | undefined;
  /** Throws NoMatchingParameterError, CorruptDataError. */
  tensor(name: string): Promise<HostTensor>;
}

/** A single safetensors file as a store. */
export function storeOf(file: SafetensorsFile): TensorStore {
  return {
    name: file.name,
    shapes: new Map([...file.entries].map(([name, entry]) => [name, entry.shape])),
    dtypeOf: (name) => file.entries.get(name)?.dtype,
    tensor: (name) => file.tensor(name),
  };
}

/** Tensors in memory as a store; reading one that is not finite throws CorruptDataError. */
export function storeOfTensors(name: string, tensors: ReadonlyMap<string, HostTensor>): TensorStore {
  return {
    name,
    shapes: new Map([...tensors].map(([key, { shape }]) => [key, shape])),
    async tensor(key) {
      const found = tensors.get(key);
      if (found === undefined) throw new NoMatchingParameterError(name, [key], [...tensors.keys()]);
      checkFinite(found.data, `${name}: ${key}`);
      return found;
    },
  };
}
