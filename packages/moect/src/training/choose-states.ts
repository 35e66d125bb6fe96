import type { Extension } from '@moect/core';
import type { HiddenStateCache } from '@moect/models/node';
import type { Base } from '../base/base.ts';
import type { CheckedSettings } from '../config/schema.ts';
import { openedLater, ownStates, ownStatesBytes, ownStatesNote, type StatesFacts } from './own-states.ts';
import type { RunPlace } from './run-place.ts';

type Cache = CheckedSettings['cache'];

/** How much text there is and how often it is read. */
export type TextAmounts = Pick<StatesFacts, 'sequences' | 'epochs' | 'sequenceLength'>;

export interface ChosenStates {
  /** For the record of the run. */
  readonly cache: Cache;
  readonly hiddenStates: HiddenStateCache | null;
  /** Bytes of states that are kept without being asked for. */
  readonly statesBytes: number;
  readonly notes: readonly string[];
}

const NOTHING_TO_CACHE =
  'cache: the lowest layer is trained, so there is nothing frozen below to keep; see `method: { layers: { top: … } }`';

const none = (cache?: Cache): ChosenStates => ({ cache, hiddenStates: null, statesBytes: 0, notes: [] });

/** The states that were asked for, or that the run keeps by itself; a resumed run begins with what it began with. */
export async function chooseStates(
  base: Base,
  extension: Extension,
  asked: Cache,
  { output, record }: RunPlace,
  amounts: TextAmounts,
): Promise<ChosenStates> {
  if (asked === false) return none(false);
  const { platform, model } = base;
  const recorded = (record as { readonly cache?: Cache } | null | undefined)?.cache;
  const cache = asked ?? (recorded === false ? undefined : recorded);
  if (cache !== undefined) {
    const hiddenStates = await platform.openHiddenStates(base, [extension], cache);
    return { ...none(cache), hiddenStates, notes: hiddenStates === null ? [NOTHING_TO_CACHE] : [] };
  }
  if (output === undefined || record != null) return none();
  const bytes = await ownStatesBytes({ base, extension, output, ...amounts });
  if (bytes === null) return none();
  const start = model.prefix!.start(extension);
  const own = ownStates(output);
  const open = async (): Promise<HiddenStateCache> =>
    (await platform.openHiddenStates(base, [extension], own))!;
  return {
    cache: own,
    hiddenStates: openedLater(start, open),
    statesBytes: bytes,
    notes: [ownStatesNote(bytes, start, output)],
  };
}
