import {
  type DecodingCache,
  InvalidConfigError,
  type ParamTree,
  ShapeMismatchError,
  type Tensor,
} from '@moect/core';
import { clone, concat, dispose, keep, mapTree } from '@moect/tensor';

export interface LayerKeys {
  /** [batch, length, keyValueHeads, headDim], rotated */
  readonly keys: Tensor;
  readonly values: Tensor;
}

/** Additions of one forward pass to a cache; the cache changes only in `commit`. */
export interface CacheUpdate {
  readonly layers: LayerKeys[];
  readonly states: Map<string, ParamTree>;
  /** [batch, length + time] int32 */
  readonly documentIds: Tensor;
  readonly time: number;
}

/** Keys, values, document ids and site states of the tokens seen so far. It owns its tensors. */
export class KeyValueCache implements DecodingCache {
  readonly batch: number;
  readonly owner: object;
  #length = 0;
  #layers: LayerKeys[] = [];
  #documentIds: Tensor | null = null;
  #states = new Map<string, ParamTree>();
  #isDisposed = false;

  constructor(owner: object, batch: number) {
    if (!Number.isInteger(batch) || batch < 1)
      throw new ShapeMismatchError('cache', [batch], 'a batch from 1');
    this.owner = owner;
    this.batch = batch;
  }

  get length(): number {
    return this.#length;
  }

  state(site: string): ParamTree | undefined {
    return this.#states.get(site);
  }

  /** Document ids of all keys once `ids` [batch, time] are added. */
  withDocumentIds(ids: Tensor): Tensor {
    return this.#documentIds === null ? clone(ids) : concat([this.#documentIds, ids], 1);
  }

  /** Keys and values of a layer, cached ones first, then the new ones. */
  withKeys(layer: number, added: LayerKeys): LayerKeys {
    const old = this.#layers[layer];
    if (old === undefined) return added;
    return { keys: concat([old.keys, added.keys], 1), values: concat([old.values, added.values], 1) };
  }

  commit(update: CacheUpdate): void {
    const old = [
      this.#layers,
      this.#documentIds,
      [...update.states.keys()].map((site) => this.#states.get(site)),
    ];
    this.#layers = update.layers.map(({ keys, values }) => ({ keys: keep(keys), values: keep(values) }));
    this.#documentIds = keep(update.documentIds);
    // handles of our own: the caller may get the same tensors and dispose them
    for (const [site, state] of update.states)
      this.#states.set(
        site,
        mapTree(state, (leaf) => keep(clone(leaf))),
      );
    this.#length += update.time;
    dispose(old);
  }

  dispose(): void {
    dispose([this.#layers, this.#documentIds, this.#states]);
    this.#isDisposed = true;
  }

  /** Throws when this cache cannot serve a call of `model` with so many rows. */
  check(model: object, batch: number): void {
    if (this.owner !== model || this.#isDisposed) {
      const message = this.#isDisposed ? 'is disposed' : 'was made by another model';
      throw new InvalidConfigError(
        'forward',
        [{ path: 'options.cache', message }],
        'Call createCache of this model.',
      );
    }
    if (batch !== this.batch)
      throw new ShapeMismatchError('tokens', [batch], `[${this.batch}, time] for this cache`);
  }
}
