import type { JsonObject } from '@moect/core';
import { CorruptDataError, InvalidConfigError, type ParamPath, type Tensor } from '@moect/core';
import type { HostTensor } from '@moect/safetensors';
import {
  BLOCK_FORMATS,
  type BlockStorage,
  compressFrozen,
  dispose,
  type FrozenStorage,
  frozenFromBlocks,
  tensor,
  tidy,
  transpose,
} from '@moect/tensor';
import { checkParameters } from '../decoder/check-parameters.ts';
import { type DecoderLayout, layoutOf, type ParameterSpec, shapesOf } from '../decoder/layout.ts';
import { type FamilyOptions, familyOf } from '../families/registry.ts';
import { storedWeights } from './stored-names.ts';
import { withStoredRows } from './stored-rows.ts';
import { exactStorage, type WeightStore } from './weight-store.ts';

const CONFIG_HINT = 'Take config.json and weights from the same model.';

/** The file of a tied model may also contain the head; it must then equal the embedding. */
async function checkTiedHead(store: WeightStore, headName: string, embeddingName: string): Promise<void> {
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

/** Names of the number of layers in the configurations of families. */
const DEPTHS = ['num_hidden_layers', 'n_layer', 'num_layers'];

/** Every layer has a tensor; lists of layers that are not there could take all memory. */
function checkDepth(config: JsonObject, { name, shapes }: WeightStore): void {
  for (const path of DEPTHS) {
    const layers = config[path];
    if (typeof layers !== 'number' || layers <= shapes.size) continue;
    const message = `is ${layers}, but ${name} has only ${shapes.size} tensors`;
    throw new InvalidConfigError('config.json', [{ path, message }], CONFIG_HINT);
  }
}

/** A head of its own that is not in the file. */
function checkHead(head: ParamPath, isTied: boolean, shapes: ReadonlyMap<ParamPath, unknown>): void {
  if (isTied || shapes.has(head)) return;
  const message = `is false or absent, but the weights have no ${head}`;
  throw new InvalidConfigError(
    'config.json',
    [{ path: 'tie_word_embeddings', message }],
    'Set it to true if the head is the embedding, as for most small models; else fetch the weights again.',
  );
}

function floatValues(name: string, { data }: HostTensor, store: WeightStore): Float32Array {
  if (data instanceof Float32Array) return data;
  throw new CorruptDataError(store.name, `${name} holds whole numbers`, 'Weights are F32, BF16 or F16.');
}

/** Storage of a base's matrices: that of its file, or one that they are brought into. */
export type BaseStorage = 'file' | FrozenStorage;

export interface LoadOptions extends FamilyOptions {
  /**
   * How the matrices (linear layers, embedding, head) are kept. `bfloat16` takes half the memory of float32 and is exact
   * for bfloat16 files; `int8` takes a quarter and is off by at most half a step of 1/127 of each output channel's
   * largest weight. `file` keeps the blocks and 16-bit numbers of a GGUF file, and bfloat16 tensors of a safetensors file as
   * bfloat16: the same values in fewer bytes. The memory is saved on the wasm and webgpu backends. Default `float32`.
   */
  readonly frozenStorage?: BaseStorage;
  /** Called with the exact values of each weight before they are rounded, in ascending order of names. */
  readonly onWeight?: (name: ParamPath, weight: Tensor) => Promise<void>;
}

/** Weight in the model's layout. */
function ownTensor(data: Float32Array, { shape, isStoredTransposed }: ParameterSpec): Tensor {
  if (!isStoredTransposed) return tensor(data, shape);
  return tidy(() => transpose(tensor(data, [...shape].reverse())));
}

/** Storage that a weight is brought into; a file's blocks are handed over as they are. */
function targetOf(store: WeightStore, name: string, rank: number, storage: BaseStorage): MatrixStorage {
  if (rank < 2) return 'float32';
  if (storage !== 'file') return storage;
  return exactStorage(store, name);
}

type MatrixStorage = FrozenStorage | BlockStorage;

const isBlocks = (storage: MatrixStorage): storage is BlockStorage => Object.hasOwn(BLOCK_FORMATS, storage);

async function compressed(weight: Tensor, storage: FrozenStorage): Promise<Tensor> {
  if (storage === 'float32') return weight;
  try {
    return await compressFrozen(weight, storage);
  } finally {
    weight.dispose();
  }
}

/** The layout with every linear as [out, in], where the store holds them so. */
function storedLayout(layout: DecoderLayout, { isOutIn = false }: WeightStore): DecoderLayout {
  if (!isOutIn) return layout;
  const parameters = [...layout.parameters].map(([name, spec]): [ParamPath, ParameterSpec] => [
    name,
    { ...spec, isStoredTransposed: false },
  ]);
  return { ...layout, parameters: new Map(parameters) };
}

/**
 * Reads all weights of a model as float32, one at a time. Tensors that hold several parameters are split while they
 * are read.
 * @param config contents of config.json
 * Throws NoMatchingParameterError for missing and for unused tensors, ShapeMismatchError, CorruptDataError,
 * InvalidConfigError.
 */
export async function loadParameters(
  file: WeightStore,
  config: JsonObject,
  { frozenStorage = 'float32', onWeight, ...options }: LoadOptions = {},
): Promise<Map<ParamPath, Tensor>> {
  const family = familyOf(config, options);
  checkDepth(config, file);
  const parsed = family.parse(config, 'config.json');
  const layout = storedLayout(layoutOf(family, parsed), file);
  const needed = layout.parameters;
  const store = withStoredRows(file, family, parsed, shapesOf(layout));
  const { shapes, nameOf, doubleHead } = storedWeights(store, family, parsed, layout);
  checkHead(layout.head.weight, parsed.tiedHead, shapes);
  checkParameters(shapesOf(layout), shapes, store.name);
  if (doubleHead !== null) await checkTiedHead(store, doubleHead, nameOf(layout.head.weight));
  const parameters = new Map<ParamPath, Tensor>();
  try {
    for (const name of [...needed.keys()].sort()) {
      const spec = needed.get(name)!;
      const target = targetOf(store, nameOf(name), spec.shape.length, frozenStorage);
      const weight = isBlocks(target)
        ? frozenFromBlocks(await store.blocks!(nameOf(name)))
        : ownTensor(floatValues(name, await store.tensor(nameOf(name)), store), spec);
      parameters.set(name, weight);
      await onWeight?.(name, weight);
      if (!isBlocks(target)) parameters.set(name, await compressed(weight, target));
    }
  } catch (error) {
    dispose(parameters);
    throw error;
  }
  return new Map([...needed.keys()].map((name) => [name, parameters.get(name)!]));
}
