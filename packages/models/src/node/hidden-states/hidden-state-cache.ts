import {
  type BaseModel,
  type HiddenStateSource,
  InvalidConfigError,
  NonFiniteError,
  type SequenceBatch,
  type Tensor,
} from '@moect/core';
import { activeBackend, decodeBfloat16, dispose, encodeBfloat16, tensor, tidy } from '@moect/tensor';
import { type Sequence, sequencesOf } from './sequence.ts';
import { ShardFolder } from './shard-folder.ts';

export interface HiddenStateCacheOptions {
  readonly base: BaseModel;
  /** Digest of the base's parameters as they compute, rounded storage included. States of another base are never read. */
  readonly baseSha256: string;
  /** The layer that the states enter: `base.prefix.firstLayer` of what is trained or evaluated. */
  readonly layer: number;
  /** Shared by bases and layers. Made where it is not there. */
  readonly folder: string;
  /** Bound on the bytes of all files in `folder`. Default 16 GiB. */
  readonly maxBytes?: number;
  /** Told when something in the folder is damaged, or no more fits. Default: `process.emitWarning`. */
  readonly onWarning?: (message: string) => void;
}

export interface HiddenStateCache extends HiddenStateSource {
  /** Sequences so far: found, and computed because they were not. */
  readonly counts: { readonly found: number; readonly computed: number };
  /** Writes what is not on disk yet. */
  close(): Promise<void>;
}

const DEFAULT_BYTES = 16 * 2 ** 30;

function check({ base, layer, maxBytes = DEFAULT_BYTES }: HiddenStateCacheOptions): void {
  const problems = [];
  if (base.prefix === undefined) {
    problems.push({ path: 'base', message: `'${base.architecture}' cannot begin in the middle` });
  }
  if (!Number.isInteger(layer) || layer < 1 || layer > base.numLayers) {
    const message = `must be a whole number from 1 to ${base.numLayers}, is ${layer}: there must be a layer to leave out`;
    problems.push({ path: 'layer', message });
  }
  if (!(maxBytes > 0)) problems.push({ path: 'maxBytes', message: `${maxBytes} is not positive` });
  if (problems.length > 0) throw new InvalidConfigError('Hidden-state cache', problems);
}

/** Alone and without padding, so that the bits depend on the sequence and on nothing beside it. */
async function compute(base: BaseModel, layer: number, sequence: Sequence): Promise<Uint16Array> {
  const { tokens, positions, documentIds } = sequence;
  const upload = (values: Int32Array): Tensor => tensor(values, [1, values.length], 'int32');
  const hidden = tidy(() =>
    base.prefix!.hidden(layer, upload(tokens), {
      positions: upload(positions),
      documentIds: upload(documentIds),
    }),
  );
  try {
    const values = (await hidden.data()) as Float32Array;
    if (!values.every(Number.isFinite)) {
      throw new NonFiniteError(
        `Hidden states that enter layer ${layer}`,
        'The weights of the base are damaged.',
      );
    }
    return encodeBfloat16(values);
  } finally {
    dispose(hidden);
  }
}

/**
 * Opens a folder of hidden states that enter a layer under the frozen base (method.md §3 f). What is there is read,
 * checked against its SHA-256; what is not is computed and written, in shards of at most 32 MiB that appear whole.
 * States are rounded to bf16 (8 significant bits) before they are first used, so results are the same whether they were
 * found or computed. Keys are the contents of a sequence (tokens, positions, documents), so other text, another tokenizer
 * and other packing never meet; base, layer and backend each have a folder of their own.
 *
 * When `maxBytes` is reached, the states of other bases and layers go, longest unused first; then no more are kept.
 * A damaged shard is removed with a warning, and computed again.
 * Throws InvalidConfigError; `hiddenStates` throws NonFiniteError.
 */
export async function openHiddenStateCache(options: HiddenStateCacheOptions): Promise<HiddenStateCache> {
  check(options);
  const { base, baseSha256, layer, folder, maxBytes = DEFAULT_BYTES } = options;
  const { hiddenSize } = base;
  const store = await ShardFolder.open({
    folder,
    maxBytes,
    hiddenSize,
    identity: {
      schema: 'moect-hidden-states/1',
      base: baseSha256,
      layer,
      hiddenSize,
      backend: activeBackend(),
    },
    onWarning: options.onWarning ?? ((message) => process.emitWarning(message)),
  });
  const counts = { found: 0, computed: 0 };
  const rowOf = async (sequence: Sequence): Promise<Float32Array> => {
    const size = sequence.tokens.length * hiddenSize;
    const kept = await store.read(sequence.key);
    if (kept !== null && kept.length === size) {
      counts.found++;
      return decodeBfloat16(kept);
    }
    const row = await compute(base, layer, sequence);
    counts.computed++;
    await store.write(sequence.key, row);
    return decodeBfloat16(row);
  };
  return {
    contract: 'hidden-states/1',
    layer,
    dtype: 'bf16',
    counts,
    async hiddenStates(batch: SequenceBatch) {
      const { batchSize, sequenceLength } = batch;
      const values = new Float32Array(batchSize * sequenceLength * hiddenSize);
      for (const [row, sequence] of sequencesOf(batch).entries()) {
        if (sequence !== null) values.set(await rowOf(sequence), row * sequenceLength * hiddenSize);
      }
      return tensor(values, [batchSize, sequenceLength, hiddenSize]);
    },
    close: () => store.flush(),
  };
}
