import type {
  BaseModel,
  Batch,
  Extension,
  LossNormalizers,
  LossOptions,
  LossResult,
  ParamPath,
  SiteStatistics,
  Tensor,
} from '@moect/core';
import {
  accumulate,
  add,
  crossEntropy,
  dispose,
  keep,
  mul,
  reshape,
  sum,
  tensor,
  tidy,
  valueAndGrads,
} from '@moect/tensor';

/** Results of one forward and backward pass. The caller disposes them. */
export interface MicroBatchResult {
  readonly gradients: Map<ParamPath, Tensor>;
  /** [batchSize · sequenceLength]: nats, 0 where there is no target. */
  readonly tokenLosses: Tensor;
  readonly auxLosses: Readonly<Record<string, Tensor>>;
  /** Statistics by site; empty unless they are asked for. */
  readonly statistics: ReadonlyMap<string, SiteStatistics>;
}

interface Inputs {
  readonly tokens: Tensor;
  readonly targets: Tensor;
  readonly positions: Tensor;
  readonly documentIds: Tensor;
  readonly languageIds: Tensor;
  readonly roles: Tensor;
}

function upload(batch: Batch): Inputs {
  const shape = [batch.batchSize, batch.sequenceLength];
  return {
    tokens: tensor(batch.tokens, shape, 'int32'),
    targets: tensor(batch.targets, shape, 'int32'),
    positions: tensor(batch.positions, shape, 'int32'),
    documentIds: tensor(batch.documentIds, shape, 'int32'),
    languageIds: tensor(batch.languageIds, shape, 'int32'),
    roles: tensor(batch.roles, shape, 'int32'),
  };
}

/**
 * Loss and gradients of one micro-batch: Σ cross-entropy / `normalizers.tokens` + auxiliary losses.
 * With the normalizers of the whole step, micro-batches add up to exactly the step (law 10).
 */
export function runMicroBatch(
  base: BaseModel,
  extension: Extension,
  batch: Batch,
  normalizers: LossNormalizers,
  options: Pick<LossOptions, 'candidates' | 'collectStatistics' | 'from' | 'recompute' | 'rng'>,
): MicroBatchResult {
  const { targets, tokens, ...context } = upload(batch);
  const kept: Omit<MicroBatchResult, 'gradients'>[] = [];
  const loss = (): Tensor => {
    const { loss, ...left } = lossOf(base, tokens, targets, 1 / normalizers.tokens, {
      ...context,
      normalizers,
      training: true,
      attachments: extension.attachments,
      overrides: extension.overrides,
      ...options,
    });
    kept.push(left);
    keepAll(left);
    return Object.values(left.auxLosses).reduce(add, loss);
  };
  try {
    const { value, gradients } = tidy(() => valueAndGrads(loss, extension.parameters));
    value.dispose();
    return { gradients, ...kept[0]! };
  } catch (error) {
    dispose(kept);
    throw error;
  } finally {
    dispose([tokens, targets, context]);
  }
}

/** The model's own loss, or that of its logits. */
function lossOf(
  base: BaseModel,
  tokens: Tensor,
  targets: Tensor,
  scale: number,
  options: LossOptions,
): LossResult {
  if (base.loss !== undefined) return base.loss(tokens, targets, scale, options);
  const { logits, auxLosses, statistics } = base.forward(tokens, options);
  const rows = reshape(logits, [targets.size, base.vocabSize]);
  const tokenLosses = crossEntropy(rows, reshape(targets, [targets.size]));
  return { loss: mul(sum(tokenLosses), scale), tokenLosses, auxLosses, statistics };
}

function keepAll({ tokenLosses, auxLosses, statistics }: Omit<MicroBatchResult, 'gradients'>): void {
  keep(tokenLosses);
  for (const loss of Object.values(auxLosses)) keep(loss);
  for (const { baseWeight, expertIndices, tokensPerExpert } of statistics.values()) {
    for (const kept of [baseWeight, expertIndices, tokensPerExpert]) if (kept !== undefined) keep(kept);
  }
}

/** Adds `more` to `total`, using both up. A gradient that only one of them has is passed on. */
export function addGradients(total: Map<ParamPath, Tensor>, more: Map<ParamPath, Tensor>): void {
  const both = [...more.keys()].filter((path) => total.has(path));
  const of = (gradients: Map<ParamPath, Tensor>): Tensor[] => both.map((path) => gradients.get(path)!);
  const sums = accumulate(of(total), of(more));
  for (const [path, gradient] of more) if (!total.has(path)) total.set(path, gradient);
  both.forEach((path, i) => {
    total.set(path, sums[i]!);
  });
}
