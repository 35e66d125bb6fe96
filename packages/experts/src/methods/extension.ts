import {
  type Attachments,
  type BaseModel,
  type Extension,
  type Json,
  NoMatchingParameterError,
  type ParamMap,
  type ParamPath,
  type ParamTree,
  ShapeMismatchError,
  type Tensor,
  type Variable,
} from '@moect/core';
import { partition } from '@moect/freeze';
import { assign, dispose, flattenTree, frozenStorageOf, mul, variable } from '@moect/tensor';

/** Puts the leaves of `tree` under `prefix` as variables, and disposes the leaves. */
export function addVariables(target: Map<ParamPath, Variable>, prefix: ParamPath, tree: ParamTree): void {
  for (const [path, leaf] of flattenTree(tree, prefix)) {
    target.set(path, variable(leaf));
    leaf.dispose();
  }
}

/** A variable of a tensor's values, widened where the base holds them in fewer bytes. */
function trainableCopy(value: Tensor): Variable {
  if (frozenStorageOf(value) === 'float32') return variable(value);
  const wide = mul(value, 1);
  try {
    return variable(wide);
  } finally {
    wide.dispose();
  }
}

/**
 * Variables holding copies of the base parameters that match; a tensor under two names (a tied head) gives one
 * variable under both. Throws NoMatchingParameterError.
 */
export function overridesOf(base: BaseModel, patterns: readonly string[]): Map<ParamPath, Variable> {
  const copies = new Map<Tensor, Variable>();
  const overrides = new Map<ParamPath, Variable>();
  for (const [name, value] of partition(base.parameters, patterns).matching) {
    if (value.dtype !== 'float32') continue;
    const copy = copies.get(value) ?? trainableCopy(value);
    copies.set(value, copy);
    overrides.set(name, copy);
  }
  return overrides;
}

/** Each variable once, under the first of its names, as an optimizer needs them. */
export function distinct(variables: ParamMap<Variable>): Map<ParamPath, Variable> {
  const seen = new Set<Variable>();
  return new Map([...variables].filter(([, value]) => !seen.has(value) && seen.add(value)));
}

export const noAttachments: Attachments = { ffn: new Map(), linear: new Map(), block: new Map(), head: null };

export function makeExtension(parts: {
  readonly method: string;
  readonly config: Record<string, Json | undefined>;
  readonly parameters: Map<ParamPath, Variable>;
  readonly attachments?: Attachments;
  readonly overrides?: Map<ParamPath, Variable>;
  readonly gateThreshold?: number | null | undefined;
  /** Disposed with the extension. */
  readonly constants?: readonly { dispose(): void }[];
}): Extension {
  const { method, config, parameters, attachments = noAttachments, overrides = new Map() } = parts;
  const { gateThreshold, constants = [] } = parts;
  return {
    contract: 'extension/1',
    method,
    config,
    parameters,
    attachments,
    ...(gateThreshold !== undefined && { gateThreshold }),
    overrides,
    dispose: () => {
      dispose([parameters, overrides]);
      for (const constant of constants) constant.dispose();
    },
  };
}

/**
 * Sets an extension's parameters from tensors of the same names (stacked; see `fromDiskTensors`). All or nothing: throws
 * NoMatchingParameterError for missing or unused names and ShapeMismatchError before anything is written.
 */
export function loadParameters(extension: Extension, tensors: ParamMap): void {
  const names = [...extension.parameters.keys()];
  const unused = [...tensors.keys()].filter((name) => !extension.parameters.has(name));
  const missing = names.filter((name) => !tensors.has(name));
  if (unused.length > 0) throw new NoMatchingParameterError(`Tensors for ${extension.method}`, unused, names);
  if (missing.length > 0) {
    throw new NoMatchingParameterError(
      `Parameters of ${extension.method}`,
      missing,
      [...tensors.keys()],
      'Attach with the configuration that the tensors were saved with.',
    );
  }
  for (const [name, parameter] of extension.parameters) {
    const { shape } = tensors.get(name)!;
    if (shape.join() !== parameter.shape.join()) {
      throw new ShapeMismatchError(name, shape, `[${parameter.shape.join(', ')}]`);
    }
  }
  for (const [name, parameter] of extension.parameters) assign(parameter, tensors.get(name)!);
}
