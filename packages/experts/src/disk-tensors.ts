import { NoMatchingParameterError, type ParamMap, type ParamPath, type Tensor } from '@moect/core';
import { clone, reshape, slice, stack, tidy } from '@moect/tensor';

const stackedName = /^(.*\.experts)\.(?!\d+\.)(.+)$/;
const expertName = /^(.*\.experts)\.(\d+)\.(.+)$/;

/**
 * One tensor per expert, the form in folders: `….experts.gate_proj.weight` [E, …] becomes
 * `….experts.0.gate_proj.weight` […], and so on. Other tensors are returned as second handles on the same values.
 * The caller disposes the result.
 */
export function toDiskTensors(parameters: ParamMap): Map<ParamPath, Tensor> {
  return tidy(() => {
    const onDisk = new Map<ParamPath, Tensor>();
    for (const [name, value] of parameters) {
      const match = stackedName.exec(name);
      if (match === null) onDisk.set(name, clone(value));
      else {
        const [numExperts, ...rest] = value.shape as [number, ...number[]];
        for (let e = 0; e < numExperts; e++) {
          const one = slice(value, [e, ...rest.map(() => 0)], [1, ...rest]);
          onDisk.set(`${match[1]}.${e}.${match[2]}`, reshape(one, rest));
        }
      }
    }
    return onDisk;
  });
}

/**
 * The stacked form of the result of {@link toDiskTensors}. The caller disposes the result.
 * Throws NoMatchingParameterError where an expert's number is missing.
 */
export function fromDiskTensors(onDisk: ParamMap): Map<ParamPath, Tensor> {
  return tidy(() => {
    const stacked = new Map<ParamPath, Tensor>();
    const experts = new Map<ParamPath, Tensor[]>();
    for (const [name, value] of onDisk) {
      const match = expertName.exec(name);
      if (match === null) stacked.set(name, clone(value));
      else {
        const path = `${match[1]}.${match[3]}`;
        const parts = experts.get(path) ?? [];
        parts[Number(match[2])] = value;
        experts.set(path, parts);
      }
    }
    for (const [path, parts] of experts) {
      const missing = Array.from(parts.keys()).filter((e) => parts[e] === undefined);
      if (missing.length > 0) {
        const names = missing.map((e) => path.replace(/\.experts\./, `.experts.${e}.`));
        throw new NoMatchingParameterError('Experts of an extension', names, [...onDisk.keys()]);
      }
      stacked.set(path, stack(parts));
    }
    return stacked;
  });
}
