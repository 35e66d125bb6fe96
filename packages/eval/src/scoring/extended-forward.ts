import {
  type BaseModel,
  type Extension,
  type ForwardResult,
  type HiddenStateSource,
  InvalidConfigError,
  isAbove,
  type Json,
  type LayerInput,
  nameOf,
} from '@moect/core';
import { setSnap } from '@moect/experts';
import { tensor, tidy } from '@moect/tensor';
import type { WindowBatch } from './window-batches.ts';

/** A base, or a base with an extension, as it is evaluated. */
export interface EvaluatedModel {
  readonly base: BaseModel;
  readonly extension?: Extension;
  /** Snap threshold τ in place of the extension's own; null: off. The extension keeps its own. */
  readonly snap?: number | null;
  /** Passes begin with these, above the layers that the extension leaves alone. */
  readonly hiddenStates?: HiddenStateSource;
}

/** Runs `work` while the extension snaps at `snap`. Synchronous, so that two evaluations cannot meet. */
function withSnap<T>({ extension, snap }: EvaluatedModel, work: () => T): T {
  if (snap === undefined) return work();
  if (extension === undefined) {
    const message = 'needs an extension with a gate; a base alone has none';
    throw new InvalidConfigError('scoring', [{ path: 'snap', message }]);
  }
  const fusion = extension.config['fusion'] as Readonly<Record<string, Json | undefined>> | undefined;
  const own = (fusion?.['snap'] ?? null) as number | null;
  setSnap(extension, snap);
  try {
    return work();
  } finally {
    setSnap(extension, own);
  }
}

/** Throws InvalidConfigError where `snap` cannot be used. */
export function checkSnap(model: EvaluatedModel): void {
  withSnap(model, () => undefined);
}

/** Throws InvalidConfigError where passes cannot begin with the model's hidden states. */
export function checkHiddenStates({ base, extension, hiddenStates }: EvaluatedModel): void {
  if (hiddenStates === undefined) return;
  const last = base.prefix?.start(extension ?? {}) ?? { layer: 0, at: 'block' };
  if (!isAbove(hiddenStates, last)) return;
  const message = `begin at ${nameOf(hiddenStates)}, but passes can begin at ${nameOf(last)} at most`;
  throw new InvalidConfigError('scoring', [{ path: 'hiddenStates', message }]);
}

/** Hidden states that a pass over the batch begins with; undefined: its tokens. The caller disposes them. */
export async function startOf(
  { hiddenStates }: EvaluatedModel,
  { rows, time, tokens, documentIds }: WindowBatch,
): Promise<LayerInput | undefined> {
  if (hiddenStates === undefined) return undefined;
  const batch = { batchSize: rows, sequenceLength: time, tokens, documentIds };
  const { layer, at } = hiddenStates;
  return { layer, at, hidden: await hiddenStates.hiddenStates(batch) };
}

/** One inference pass. What `read` returns outlives it; all other tensors are disposed. */
export function forwardBatch<T>(
  model: EvaluatedModel,
  { rows, time, tokens, documentIds }: WindowBatch,
  read: (result: ForwardResult) => T,
  options: { readonly collectStatistics?: boolean; readonly from?: LayerInput | undefined } = {},
): T {
  const { base, extension } = model;
  const { collectStatistics = false, from } = options;
  return tidy(() =>
    withSnap(model, () =>
      read(
        base.forward(tensor(tokens, [rows, time], 'int32'), {
          documentIds: tensor(documentIds, [rows, time], 'int32'),
          collectStatistics,
          ...(from && { from }),
          ...(extension && { attachments: extension.attachments, overrides: extension.overrides }),
        }),
      ),
    ),
  );
}
