import { CorruptDataError, type ParamPath, ShapeMismatchError } from '@moect/core';
import type { HostTensor } from '@moect/safetensors';
import type { DecoderConfig, ModelFamily, StoredRows } from '../decoder/model-family.ts';
import type { WeightStore } from './weight-store.ts';

const sizeOf = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);

/** Number of values of a row: everything behind the first axis, or behind the second one of rank 3. */
const rowSize = (shape: readonly number[]): number => sizeOf(shape.slice(shape.length === 3 ? 2 : 1));

/** The rows that one part takes of its stored tensor. */
function takeRows(values: Float32Array, { shape, rows }: StoredRows): Float32Array {
  if (rows === undefined) return values;
  const width = rowSize(shape);
  const blocks = sizeOf(shape) / (rows.block * width);
  const taken = new Float32Array(blocks * rows.count * width);
  for (let block = 0; block < blocks; block++) {
    const from = (block * rows.block + rows.from) * width;
    taken.set(values.subarray(from, from + rows.count * width), block * rows.count * width);
  }
  return taken;
}

function joined(parts: readonly Float32Array[]): Float32Array {
  if (parts.length === 1) return parts[0]!;
  const all = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/**
 * A store that shows the parameters of a family as the model keeps them, where the file holds them otherwise
 * (`ModelFamily.storedAs`). Names may lack the family's optional prefix. Other tensors stay as they are.
 * @param shapes shapes of all parameters by the model's names
 * Throws ShapeMismatchError for stored tensors of another shape.
 */
export function withStoredRows(
  store: WeightStore,
  family: ModelFamily,
  config: DecoderConfig,
  shapes: ReadonlyMap<ParamPath, readonly number[]>,
): WeightStore {
  const forms = family.storedAs?.(config);
  if (forms === undefined) return store;
  const prefix = family.optionalPrefix ?? '';
  const nameIn = (name: string): string | undefined => {
    const short = name.startsWith(prefix) ? name.slice(prefix.length) : name;
    return [name, short].find((candidate) => store.shapes.has(candidate));
  };
  const found = new Map<ParamPath, readonly StoredRows[]>();
  const used = new Set<string>();
  for (const [parameter, alternatives] of forms) {
    if (nameIn(parameter) !== undefined) continue;
    const form = alternatives.find((parts) => parts.every(({ name }) => nameIn(name) !== undefined));
    if (form === undefined) continue;
    const parts = form.map((part) => ({ ...part, name: nameIn(part.name)! }));
    for (const { name, shape } of parts) {
      const own = store.shapes.get(name)!;
      if (own.join() !== shape.join()) throw new ShapeMismatchError(name, own, `[${shape.join(', ')}]`);
      used.add(name);
    }
    found.set(parameter, parts);
  }
  const kept = [...store.shapes].filter(([name]) => !used.has(name));
  const read = async (part: StoredRows): Promise<Float32Array> => {
    const { data } = await store.tensor(part.name);
    if (data instanceof Float32Array) return takeRows(data, part);
    throw new CorruptDataError(
      store.name,
      `${part.name} holds whole numbers`,
      'Weights are F32, BF16 or F16.',
    );
  };
  /** Tensors of several parts are read as float32, so that only their dtype is known. */
  const firstPart = (name: string): string => found.get(name)?.[0]?.name ?? name;
  return {
    name: store.name,
    ...(store.isOutIn !== undefined && { isOutIn: store.isOutIn }),
    ...(store.dtypeOf && { dtypeOf: (name) => store.dtypeOf!(firstPart(name)) }),
    ...(store.storageOf && {
      storageOf: (name) => (found.has(name) ? 'float32' : store.storageOf!(name)),
    }),
    ...(store.blocks && { blocks: (name) => store.blocks!(name) }),
    shapes: new Map([...kept, ...[...found.keys()].map((name) => [name, shapes.get(name)!] as const)]),
    async tensor(name): Promise<HostTensor> {
      const parts = found.get(name);
      if (parts === undefined) return store.tensor(name);
      const values: Float32Array[] = [];
      // one after another: experts of a large model together would take the memory of a whole layer twice
      for (const part of parts) values.push(await read(part));
      return { shape: shapes.get(name)!, data: joined(values) };
    },
  };
}
