import { type BaseModel, type Extension, type StartPoint, widthAt } from '@moect/core';
import type { HiddenStateCache } from '@moect/models/node';
import type { Base } from '../base/base.ts';
import { gibibytes } from '../numbers.ts';
import type { HiddenStateFolder } from '../platform/platform.ts';

/** Folder of a run that keeps its hidden states while it lasts. */
const FOLDER = 'hidden-states';

/** Below these sizes computing a prefix again costs less than reading it: SHA-256 and disk of some kilobytes a token. */
const LEAST_PARAMETERS = 10e6;
const LEAST_SHARE = 1 / 4;
/** Share of the free disk that the states may take. */
const SHARE_OF_DISK = 1 / 2;
const MOST_BYTES = 16 * 2 ** 30;
/** bf16 */
const BYTES = 2;

/** Where a run keeps states by itself. A page bundles this file too, so it joins paths without Node. */
export const ownStates = (output: string): HiddenStateFolder => ({
  folder: `${output.replace(/[\\/]+$/, '')}/${FOLDER}`,
});

/** Whether the states belong to the run alone, and go when it is finished. */
export const areOwn = (cache: HiddenStateFolder | undefined, output: string | undefined): boolean =>
  cache !== undefined && output !== undefined && cache.folder === ownStates(output).folder;

/** Weights of the layers below a point, without the embedding, of which a pass reads one row a token. */
export function prefixParameters(
  { vocabSize, hiddenSize, numLayers, tiedHead }: BaseModel,
  parameterCount: number,
  { layer }: StartPoint,
): number {
  const inLayers = parameterCount - vocabSize * hiddenSize * (tiedHead ? 1 : 2);
  return (Math.max(0, inLayers) * layer) / numLayers;
}

/** What of a run decides whether its states are kept. */
export interface StatesFacts {
  readonly base: Pick<Base, 'model' | 'parameterCount' | 'platform'>;
  readonly extension: Pick<Extension, 'attachments' | 'overrides'>;
  /** Sequences of all languages, each counted once. */
  readonly sequences: number;
  /** Passes over the sequences of the new languages. */
  readonly epochs: number;
  readonly sequenceLength: number;
  readonly output: string;
}

/**
 * Bytes of the states that a run keeps by itself, or null where it keeps none: text is read at least twice, a quarter of
 * the layers and 10 M weights lie below the extension, and the states fit into half of the free disk and 16 GiB.
 */
export async function ownStatesBytes(facts: StatesFacts): Promise<number | null> {
  const { base, extension, sequences, epochs, sequenceLength, output } = facts;
  const { model, parameterCount, platform } = base;
  if (model.prefix === undefined || epochs < 2) return null;
  const start = model.prefix.start(extension);
  if (start.layer < LEAST_SHARE * model.numLayers) return null;
  if (prefixParameters(model, parameterCount, start) < LEAST_PARAMETERS) return null;
  const bytes = BYTES * widthAt(start, model.hiddenSize) * sequences * sequenceLength;
  const free = await platform.freeDisk(output);
  return free === null || bytes > Math.min(MOST_BYTES, SHARE_OF_DISK * free) ? null : bytes;
}

/** For the user: what is kept where, and how to have it otherwise. */
export const ownStatesNote = (bytes: number, { layer }: StartPoint, output: string): string =>
  `the results of the ${layer} frozen layers below the extension are kept in ${ownStates(output).folder} (${gibibytes(bytes)}) ` +
  'until the run is finished, so that later epochs begin there; cache: false (--no-cache) computes them anew';

/** A cache that is opened when its first states are asked for: planning and refused runs leave nothing on the disk. */
export function openedLater(
  { layer, at }: StartPoint,
  open: () => Promise<HiddenStateCache>,
): HiddenStateCache {
  let opening: Promise<HiddenStateCache> | null = null;
  const nothing = { found: 0, computed: 0 };
  let opened: HiddenStateCache | null = null;
  return {
    contract: 'hidden-states/1',
    layer,
    at,
    dtype: 'bf16',
    get counts() {
      return opened?.counts ?? nothing;
    },
    async hiddenStates(batch) {
      opening ??= open();
      opened = await opening;
      return opened.hiddenStates(batch);
    },
    close: async () => (await opening)?.close(),
  };
}
