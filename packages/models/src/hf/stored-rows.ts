import { CorruptDataError, type ParamPath, ShapeMismatchError } from '@moect/core';
import type { HostTensor } from '@moect/safetensors';
import type { BlockValues } from '@moect/tensor';
import type { DecoderConfig, ModelFamily, StoredRows } from '../decoder/model-family.ts';
import { exactStorage, type WeightStore } from './weight-store.ts';

const sizeOf = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);

/** Number of values of a row: everything behind the first axis, or behind the second one of rank 3. */
const rowSize = (shape: readonly number[]): number => sizeOf(shape.slice(shape.length === 3 ? 2 : 1));

/** The rows that one part takes of its stored tensor. @param width elements of a row */
function takeRows<T extends Float32Array | Uint8Array>(values: T, { rows }: StoredRows, width: number): T {
  if (rows === undefined) return values;
  const blocks = values.length / (rows.block * width);
  const taken = new (values.constructor as new (length: number) => T)(blocks * rows.count * width);
  for (let block = 0; block < blocks; block++) {
    const from = (block * rows.block + rows.from) * width;
    taken.set(values.subarray(from, from + rows.count * width), block * rows.count * width);
  }
  return taken;
}

function joined<T extends Float32Array | Uint8Array>(parts: readonly T[]): T {
  const [first] = parts as readonly [T];
  if (parts.length === 1) return first;
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const all = new (first.constructor as new (length: number) => T)(length);
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** Storage that all parts have in common, else float32. */
function commonStorage(
  store: WeightStore,
  parts: readonly StoredRows[],
): ReturnType<NonNullable<WeightStore['storageOf']>> {
  const [first, ...others] = new Set(parts.map(({ name }) => exactStorage(store, name)));
  return others.length === 0 && parts.every(({ shape }) => shape.length === 2) ? first! : 'float32';
}

/** Blocks of the parts' rows, which hold whole blocks. */
async function joinedBlocks(store: WeightStore, parts: readonly StoredRows[]): Promise<BlockValues> {
  const taken: BlockValues[] = [];
  for (const part of parts) {
    const { codes, rows, ...more } = await store.blocks!(part.name);
    const kept = takeRows(codes, part, codes.length / rows);
    taken.push({ ...more, codes: kept, rows: (kept.length / codes.length) * rows });
  }
  const codes = joined(taken.map((part) => part.codes));
  return { ...taken[0]!, codes, rows: taken.reduce((sum, { rows }) => sum + rows, 0) };
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
    if (data instanceof Float32Array) return takeRows(data, part, rowSize(part.shape));
    throw new CorruptDataError(
      store.name,
      `${part.name} holds whole numbers`,
      'Weights are F32, BF16 or F16.',
    );
  };
  return {
    ...store,
    storageOf(name) {
      const parts = found.get(name);
      return parts === undefined ? exactStorage(store, name) : commonStorage(store, parts);
    },
    async blocks(name) {
      const parts = found.get(name);
      return parts === undefined ? store.blocks!(name) : joinedBlocks(store, parts);
    },
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
