import {
  type BaseModel,
  type Extension,
  type ForwardResult,
  InvalidConfigError,
  type Json,
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

/** One inference pass. What `read` returns outlives it; all other tensors are disposed. */
export function forwardBatch<T>(
  model: EvaluatedModel,
  { rows, time, tokens, documentIds }: WindowBatch,
  read: (result: ForwardResult) => T,
  collectStatistics = false,
): T {
  const { base, extension } = model;
  return tidy(() =>
    withSnap(model, () =>
      read(
        base.forward(tensor(tokens, [rows, time], 'int32'), {
          documentIds: tensor(documentIds, [rows, time], 'int32'),
          collectStatistics,
          ...(extension && { attachments: extension.attachments, overrides: extension.overrides }),
        }),
      ),
    ),
  );
}
