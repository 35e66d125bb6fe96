import {
  type BaseModel,
  decodeBfloat16,
  encodeBfloat16,
  type HiddenStateSource,
  InvalidConfigError,
  NonFiniteError,
  nameOf,
  type SequenceBatch,
  type StartPoint,
  type Tensor,
  widthAt,
} from '@moect/core';
import { activeBackend, dispose, tensor, tidy } from '@moect/tensor';
import { type Sequence, sequencesOf } from './sequence.ts';
import { ShardFolder } from './shard-folder.ts';

/** `layer` and `at`: `base.prefix.start` of the trained or evaluated extension. */
export interface HiddenStateCacheOptions extends StartPoint {
  readonly base: BaseModel;
  /** Digest of the base's parameters in use, rounded storage included. States of another base are never read. */
  readonly baseSha256: string;
  /** Shared by bases and layers. Created if absent. */
  readonly folder: string;
  /** Bound on the bytes of all files in `folder`. Default 16 GiB. */
  readonly maxBytes?: number;
  /** Called when something in the folder is damaged, or it is full. Default: `process.emitWarning`. */
  readonly onWarning?: (message: string) => void;
}

export interface HiddenStateCache extends HiddenStateSource {
  /** Sequences so far: found on disk, and computed. */
  readonly counts: { readonly found: number; readonly computed: number };
  /** Writes the states that are not on disk yet. */
  close(): Promise<void>;
}

const DEFAULT_BYTES = 16 * 2 ** 30;

function check({ base, layer, at, maxBytes = DEFAULT_BYTES }: HiddenStateCacheOptions): void {
  const problems = [];
  if (base.prefix === undefined) {
    problems.push({ path: 'base', message: `'${base.architecture}' cannot begin in the middle` });
  }
  const [first, last] = at === 'ffn' ? [0, base.numLayers - 1] : [1, base.numLayers];
  if (!Number.isInteger(layer) || layer < first || layer > last) {
    const message = `must be a whole number from ${first} to ${last} at '${at}', is ${layer}: there must be something to leave out`;
    problems.push({ path: 'layer', message });
  }
  if (!(maxBytes > 0)) problems.push({ path: 'maxBytes', message: `${maxBytes} is not positive` });
  if (problems.length > 0) throw new InvalidConfigError('Hidden-state cache', problems);
}

/** Computes a sequence alone and without padding, so that its bits depend on nothing beside it. */
async function compute(base: BaseModel, start: StartPoint, sequence: Sequence): Promise<Uint16Array> {
  const { tokens, positions, documentIds } = sequence;
  const upload = (values: Int32Array): Tensor => tensor(values, [1, values.length], 'int32');
  const hidden = tidy(() =>
    base.prefix!.hidden(start, upload(tokens), {
      positions: upload(positions),
      documentIds: upload(documentIds),
    }),
  );
  try {
    const values = (await hidden.data()) as Float32Array;
    if (!values.every(Number.isFinite)) {
      throw new NonFiniteError(`Hidden states at ${nameOf(start)}`, 'The weights of the base are damaged.');
    }
    return encodeBfloat16(values);
  } finally {
    dispose(hidden);
  }
}

/**
 * Opens a folder of the hidden states of the frozen base at one point (docs/method.md §6). Stored states are read and
 * checked against their SHA-256; missing states are computed and written, in shards of at most 32 MiB that appear
 * whole. States are rounded to bf16 (8 significant bits) before their first use, so results are the same whether
 * states were found or computed. Keys are the contents of a sequence (tokens, positions, documents), so other text,
 * another tokenizer or other packing gives other keys; base, point and backend each have a folder of their own.
 *
 * At `maxBytes`, the states of other bases and points are removed, longest unused first; then no more are kept.
 * A damaged shard is removed with a warning, and computed again.
 * Throws InvalidConfigError; `hiddenStates` throws NonFiniteError.
 */
export async function openHiddenStateCache(options: HiddenStateCacheOptions): Promise<HiddenStateCache> {
  check(options);
  const { base, baseSha256, layer, at, folder, maxBytes = DEFAULT_BYTES } = options;
  const width = widthAt(options, base.hiddenSize);
  const store = await ShardFolder.open({
    folder,
    maxBytes,
    width,
    identity: {
      schema: 'moect-hidden-states/1',
      base: baseSha256,
      layer,
      at,
      width,
      backend: activeBackend(),
    },
    onWarning: options.onWarning ?? ((message) => process.emitWarning(message)),
  });
  const counts = { found: 0, computed: 0 };
  const rowOf = async (sequence: Sequence): Promise<Uint16Array> => {
    const size = sequence.tokens.length * width;
    const kept = await store.read(sequence.key);
    if (kept !== null && kept.length === size) {
      counts.found++;
      return kept;
    }
    const row = await compute(base, { layer, at }, sequence);
    counts.computed++;
    await store.write(sequence.key, row);
    return row;
  };
  return {
    contract: 'hidden-states/1',
    layer,
    at,
    dtype: 'bf16',
    counts,
    async hiddenStates(batch: SequenceBatch) {
      const { batchSize, sequenceLength } = batch;
      const values = new Float32Array(batchSize * sequenceLength * width);
      for (const [row, sequence] of sequencesOf(batch).entries()) {
        // in place: allocation in every step would trigger garbage collection during the step
        if (sequence !== null)
          decodeBfloat16(await rowOf(sequence), values.subarray(row * sequenceLength * width));
      }
      return tensor(values, [batchSize, sequenceLength, width]);
    },
    close: () => store.flush(),
  };
}
