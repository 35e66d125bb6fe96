import {
  type BaseModel,
  type Extension,
  type ForwardResult,
  type HiddenStateSource,
  InvalidConfigError,
  isAbove,
  type LayerInput,
  nameOf,
} from '@moect/core';
import { checkGateThreshold } from '@moect/experts';
import { tensor, tidy } from '@moect/tensor';
import type { WindowBatch } from './window-batches.ts';

/** A base, or a base with an extension, as it is evaluated. */
export interface EvaluatedModel {
  readonly base: BaseModel;
  readonly extension?: Extension;
  /** τ of the passes; null: off. Default: the extension's own. */
  readonly gateThreshold?: number | null;
  /** Passes begin with these, above the layers that the extension leaves alone. */
  readonly hiddenStates?: HiddenStateSource;
}

/** Throws InvalidConfigError where passes cannot use the model's τ, or cannot begin with its hidden states. */
export function checkModel({ base, extension, gateThreshold, hiddenStates }: EvaluatedModel): void {
  if (gateThreshold !== undefined) checkGateThreshold(extension, gateThreshold);
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
  const { base, extension, gateThreshold } = model;
  const { collectStatistics = false, from } = options;
  return tidy(() =>
    read(
      base.forward(tensor(tokens, [rows, time], 'int32'), {
        documentIds: tensor(documentIds, [rows, time], 'int32'),
        collectStatistics,
        ...(from && { from }),
        ...(extension && { attachments: extension.attachments, overrides: extension.overrides }),
        ...(gateThreshold !== undefined && { gateThreshold }),
      }),
    ),
  );
}
