import type {
  BaseModel,
  Extension,
  FfnInput,
  FfnOutput,
  ForwardOptions,
  ForwardResult,
  ParamMap,
  SiteContext,
  SiteStatistics,
  Tensor,
  Variable,
} from '@moect/core';
import { NoSuchComponentError } from '@moect/core';
import {
  add,
  causalMean,
  createRng,
  dispose,
  embedding,
  equal,
  linear,
  mul,
  ones,
  randomNormal,
  reshape,
  rmsNorm,
  sigmoid,
  slice,
  sub,
  sum,
  tanh,
  tensor,
  tidy,
  variable,
  where,
  zerosLike,
} from '@moect/tensor';

const SITE = 'model.layers.0.mlp';
const EMBEDDING = 'model.embed_tokens.weight';
const UP = `${SITE}.up_proj.weight`;
const NORM = 'model.norm.weight';
const HEAD = 'lm_head.weight';

function forward(parameters: ParamMap, tokens: Tensor, options: ForwardOptions): ForwardResult {
  const weight = (path: string): Tensor => options.overrides?.get(path) ?? parameters.get(path)!;
  const documentIds = options.documentIds ?? zerosLike(tokens);
  const context: SiteContext = {
    training: options.training ?? false,
    documentIds,
    baseWeight: null,
    ...(options.roles && { roles: options.roles }),
    ...(options.normalizers && { normalizers: options.normalizers }),
    ...(options.rng && { rng: options.rng.fork(SITE) }),
  };
  const embedded = embedding(weight(EMBEDDING), tokens);
  const residual = add(embedded, causalMean(embedded, documentIds));
  const base = tanh(linear(residual, weight(UP)));
  const attached = options.attachments?.ffn.get(SITE)?.({ residual, normed: residual, base }, context);
  const hidden = rmsNorm(attached?.output ?? add(residual, base), weight(NORM), 1e-5);
  const statistics = new Map<string, SiteStatistics>();
  if (options.collectStatistics && attached?.statistics) statistics.set(SITE, attached.statistics);
  const logits = linear(hidden, weight(HEAD));
  return { logits, auxLosses: attached?.auxLosses ?? {}, statistics, hiddenStates: [] };
}

/** A language model of four weights: embedding, running mean, one FFN, head. */
export function tinyModel(vocabSize = 11, hiddenSize = 8, seed = 1): BaseModel {
  const rng = createRng(seed);
  const parameters = tidy(
    () =>
      new Map<string, Tensor>([
        [EMBEDDING, randomNormal(rng.fork(EMBEDDING), [vocabSize, hiddenSize], 0.5)],
        [UP, randomNormal(rng.fork(UP), [hiddenSize, hiddenSize], 0.4)],
        [NORM, ones([hiddenSize])],
        [HEAD, randomNormal(rng.fork(HEAD), [vocabSize, hiddenSize], 0.3)],
      ]),
  );
  return {
    contract: 'base-model/1',
    architecture: 'tiny',
    config: {},
    hiddenSize,
    numLayers: 1,
    vocabSize,
    maxPositions: 1024,
    tiedHead: false,
    sites: [{ name: SITE, kind: 'ffn', layer: 0, inSize: hiddenSize, outSize: hiddenSize }],
    parameters,
    ffnAt: (site) => {
      throw new NoSuchComponentError('feed-forward site', site, []);
    },
    forward: (tokens, options = {}) => tidy(() => forward(parameters, tokens, options)),
    createCache: () => ({ length: 0, dispose: () => undefined }),
    dispose: () => dispose(parameters),
  };
}

const NONE = { ffn: new Map(), linear: new Map(), block: new Map(), head: null };

/** An extension in which everything trains, as in pretraining. */
export function allParameters(base: BaseModel): Extension {
  const overrides = new Map<string, Variable>();
  for (const [path, value] of base.parameters) overrides.set(path, variable(value));
  return {
    contract: 'extension/1',
    method: 'ct',
    config: {},
    parameters: overrides,
    attachments: NONE,
    overrides,
    dispose: () => dispose(overrides),
  };
}

/**
 * A gated branch beside the FFN with an auxiliary loss over old tokens and with statistics; `moe-ct` in small.
 */
export function gatedBranch(base: BaseModel, seed = 3): Extension {
  const { hiddenSize } = base;
  const rng = createRng(seed);
  const parameters = tidy(
    () =>
      new Map<string, Variable>([
        [`${SITE}.gate.weight`, variable(randomNormal(rng, [1, hiddenSize], 0.5))],
        [`${SITE}.branch.weight`, variable(randomNormal(rng, [hiddenSize, hiddenSize], 0.3))],
      ]),
  );
  const attachment = ({ residual, normed, base: f }: FfnInput, context: SiteContext): FfnOutput => {
    const p = sigmoid(linear(normed, parameters.get(`${SITE}.gate.weight`)!));
    const m = tanh(linear(normed, parameters.get(`${SITE}.branch.weight`)!));
    const output = add(residual, add(mul(p, f), mul(sub(1, p), m)));
    const [batch, time] = p.shape as [number, number];
    const isOld = equal(context.roles!, tensor([1], [], 'int32'));
    const onOld = where(isOld, sub(1, reshape(p, [batch, time])), zerosLike(reshape(p, [batch, time])));
    const auxLosses = { prior: mul(sum(onOld), 0.1 / Math.max(1, context.normalizers!.oldTokens)) };
    const expertIndices = reshape(slice(context.documentIds, [0, 0], [-1, -1]), [batch * time, 1]);
    return { output, baseWeight: p, auxLosses, statistics: { baseWeight: p, expertIndices } };
  };
  return {
    contract: 'extension/1',
    method: 'gated-branch',
    config: { seed },
    parameters,
    attachments: { ...NONE, ffn: new Map([[SITE, attachment]]) },
    overrides: new Map(),
    dispose: () => dispose(parameters),
  };
}

/** {@link gatedBranch} with noise on its output in training, drawn from the pass's own stream. */
export function noisyBranch(base: BaseModel): Extension {
  const plain = gatedBranch(base);
  const attach = plain.attachments.ffn.get(SITE)!;
  const noisy = (input: FfnInput, context: SiteContext): FfnOutput => {
    const result = attach(input, context);
    const noise = randomNormal(context.rng!, result.output.shape, 0.1);
    return { ...result, output: add(result.output, noise) };
  };
  return { ...plain, attachments: { ...plain.attachments, ffn: new Map([[SITE, noisy]]) } };
}
