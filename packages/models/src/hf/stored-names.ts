import type { ParamPath } from '@moect/core';
import type { TensorStore } from '@moect/safetensors';
import type { DecoderLayout } from '../decoder/layout.ts';
import type { DecoderConfig, ModelFamily } from '../decoder/model-family.ts';

/** A model's weights in a store. */
export interface StoredWeights {
  /** Shapes in the model's layout, by the model's names; unknown tensors keep their own shape and name. */
  readonly shapes: ReadonlyMap<ParamPath, readonly number[]>;
  /** The store's name of a weight. */
  readonly nameOf: (parameter: ParamPath) => string;
  /** Stored name of a tied head that is kept beside its embedding. */
  readonly doubleHead: string | null;
}

/** Names without what PyTorch puts in front of those of a compiled or distributed model that is saved as it is. */
const withoutWrappers = (name: string): string => name.replaceAll('_orig_mod.', '').replace(/^module\./, '');

/** A tied model may be saved with its one matrix under the name of the head. */
function takeHeadForEmbedding(stored: Map<ParamPath, string>, head: ParamPath, needed: ParamPath): void {
  const own = stored.get(head);
  if (own === undefined || stored.has(needed)) return;
  stored.delete(head);
  stored.set(needed, own);
}

/** Finds a model's weights among the tensors of a store; buffers are left out. */
export function storedWeights(
  store: TensorStore,
  family: ModelFamily,
  config: DecoderConfig,
  { parameters, head }: DecoderLayout,
): StoredWeights {
  const buffers = new Set(family.buffers?.(config) ?? []);
  const headWeight = `${head.site}.weight`;
  const isKnown = (name: string): boolean => parameters.has(name) || buffers.has(name) || name === headWeight;
  const stored = new Map<ParamPath, string>();
  for (const name of store.shapes.keys()) {
    const plain = withoutWrappers(name);
    const longer = `${family.optionalPrefix ?? ''}${plain}`;
    const isShort = !isKnown(plain) && isKnown(longer) && !store.shapes.has(longer);
    const own = isShort ? longer : plain;
    // two tensors of one name: the second keeps its own, which nothing asks for
    stored.set(stored.has(own) ? name : own, name);
  }
  takeHeadForEmbedding(stored, headWeight, head.weight);
  const doubleHead = parameters.has(headWeight) ? undefined : stored.get(headWeight);
  const shapes = new Map<ParamPath, readonly number[]>();
  for (const [name, own] of stored) {
    if (buffers.has(name) || own === doubleHead) continue;
    const shape = store.shapes.get(own)!;
    shapes.set(name, parameters.get(name)?.isStoredTransposed === true ? [...shape].reverse() : shape);
  }
  return { shapes, nameOf: (parameter) => stored.get(parameter)!, doubleHead: doubleHead ?? null };
}
