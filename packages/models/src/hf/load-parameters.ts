import type { JsonObject } from '@moect/core';
import { CorruptDataError, type ParamPath, type Tensor } from '@moect/core';
import type { HostTensor, TensorStore } from '@moect/safetensors';
import { compressFrozen, dispose, type FrozenStorage, tensor, tidy, transpose } from '@moect/tensor';
import { checkParameters } from '../decoder/check-parameters.ts';
import { layoutOf, type ParameterSpec, shapesOf } from '../decoder/layout.ts';
import { type FamilyOptions, familyOf } from '../families/registry.ts';
import { storedWeights } from './stored-names.ts';
import { withStoredRows } from './stored-rows.ts';

/** The file of a tied model may also contain the head; it must then equal the embedding. */
async function checkTiedHead(store: TensorStore, headName: string, embeddingName: string): Promise<void> {
  const [head, embedding] = [await store.tensor(headName), await store.tensor(embeddingName)];
  const isEqual =
    head.data.length === embedding.data.length && head.data.every((value, i) => value === embedding.data[i]);
  if (isEqual) return;
  throw new CorruptDataError(
    store.name,
    `config.json ties the head to the embedding, but ${headName} differs from ${embeddingName}`,
    'Set tie_word_embeddings to false in config.json if the head is one of its own.',
  );
}

function floatValues(name: string, { data }: HostTensor, store: TensorStore): Float32Array {
  if (data instanceof Float32Array) return data;
  throw new CorruptDataError(store.name, `${name} holds whole numbers`, 'Weights are F32, BF16 or F16.');
}

export interface LoadOptions extends FamilyOptions {
  /**
   * How the matrices (linear layers, embedding, head) are kept. `bfloat16` takes half the memory of float32 and is exact
   * for bfloat16 files; `int8` takes a quarter and is off by at most half a step of 1/127 of each output channel's
   * largest weight. The memory is saved on the wasm and webgpu backends. Such weights cannot be trained. Default
   * `float32`.
   */
  readonly frozenStorage?: FrozenStorage;
  /** Called with each weight as float32 before it is stored, in ascending order of names. */
  readonly onWeight?: (name: ParamPath, weight: Tensor) => Promise<void>;
}

/** Weight in the model's layout. */
function ownTensor(data: Float32Array, { shape, isStoredTransposed }: ParameterSpec): Tensor {
  if (!isStoredTransposed) return tensor(data, shape);
  return tidy(() => transpose(tensor(data, [...shape].reverse())));
}

async function stored(weight: Tensor, storage: FrozenStorage): Promise<Tensor> {
  if (storage === 'float32' || weight.rank < 2) return weight;
  try {
    return await compressFrozen(weight, storage);
  } finally {
    weight.dispose();
  }
}

/**
 * Reads all weights of a model as float32, one at a time. Tensors that hold several parameters are split while they
 * are read.
 * @param config contents of config.json
 * Throws NoMatchingParameterError for missing and for unused tensors, ShapeMismatchError, CorruptDataError,
 * InvalidConfigError.
 */
export async function loadParameters(
  file: TensorStore,
  config: JsonObject,
  { frozenStorage = 'float32', onWeight, ...options }: LoadOptions = {},
): Promise<Map<ParamPath, Tensor>> {
  const family = familyOf(config, options);
  const parsed = family.parse(config, 'config.json');
  const layout = layoutOf(family, parsed);
  const needed = layout.parameters;
  const store = withStoredRows(file, family, parsed, shapesOf(layout));
  const { shapes, nameOf, doubleHead } = storedWeights(store, family, parsed, layout);
  checkParameters(shapesOf(layout), shapes, store.name);
  if (doubleHead !== null) await checkTiedHead(store, doubleHead, nameOf(layout.head.weight));
  const parameters = new Map<ParamPath, Tensor>();
  try {
    for (const name of [...needed.keys()].sort()) {
      const values = floatValues(name, await store.tensor(nameOf(name)), store);
      const weight = ownTensor(values, needed.get(name)!);
      parameters.set(name, weight);
      await onWeight?.(name, weight);
      parameters.set(name, await stored(weight, frozenStorage));
    }
  } catch (error) {
    dispose(parameters);
    throw error;
  }
  return new Map([...needed.keys()].map((name) => [name, parameters.get(name)!]));
}
