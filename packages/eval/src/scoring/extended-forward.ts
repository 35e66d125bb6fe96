import {
  type BaseModel,
  type Extension,
  type ForwardOptions,
  type ForwardResult,
  type HiddenStateSource,
  InvalidConfigError,
  isAbove,
  type LayerInput,
  type LossOptions,
  nameOf,
  type Tensor,
} from '@moect/core';
import { checkGateThreshold } from '@moect/experts';
import { crossEntropy, reshape, tensor, tidy } from '@moect/tensor';
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

/** What a pass over the batch is asked for. */
interface Pass {
  /** [rows, time] int32 */
  readonly tokens: Tensor;
  readonly options: LossOptions;
}

function passOf(model: EvaluatedModel, batch: WindowBatch, from: LayerInput | undefined): Pass {
  const { extension, gateThreshold } = model;
  const { rows, time, tokens, documentIds } = batch;
  return {
    tokens: tensor(tokens, [rows, time], 'int32'),
    options: {
      documentIds: tensor(documentIds, [rows, time], 'int32'),
      ...(from && { from }),
      ...(extension && { attachments: extension.attachments, overrides: extension.overrides }),
      ...(gateThreshold !== undefined && { gateThreshold }),
    },
  };
}

/** One inference pass. What `read` returns outlives it; all other tensors are disposed. */
export function forwardBatch<T>(
  model: EvaluatedModel,
  batch: WindowBatch,
  read: (result: ForwardResult) => T,
  asked: Pick<ForwardOptions, 'collectStatistics' | 'logits'> = {},
): T {
  return tidy(() => {
    const { tokens, options } = passOf(model, batch, undefined);
    return read(model.base.forward(tokens, { ...options, ...asked }));
  });
}

/** −log P of the target at each position, [rows · time] nats, 0 where none is scored; without whole logits if the base can. */
export function lossesOf(model: EvaluatedModel, batch: WindowBatch, from: LayerInput | undefined): Tensor {
  const { base } = model;
  const { rows, time, targets } = batch;
  return tidy(() => {
    const { tokens, options } = passOf(model, batch, from);
    if (base.loss !== undefined)
      return base.loss(tokens, tensor(targets, [rows, time], 'int32'), 1, options).tokenLosses;
    const logits = reshape(base.forward(tokens, options).logits, [rows * time, base.vocabSize]);
    return crossEntropy(logits, tensor(targets, [rows * time], 'int32'));
  });
}
