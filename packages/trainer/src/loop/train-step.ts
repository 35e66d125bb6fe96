import {
  type BaseModel,
  type Batch,
  type BatchSource,
  CorruptDataError,
  type Extension,
  InvalidConfigError,
  type LossNormalizers,
  type NonFiniteError,
  type Optimizer,
  type OptimizerState,
  type ParamMap,
  type ParamPath,
  type Rng,
  type RoutingStatistics,
  type Tensor,
  yieldToHost,
} from '@moect/core';
import { clipScale, createRng, dispose, globalNorm } from '@moect/tensor';
import { countTokens, readStepBatches } from './check-batch.ts';
import { addGradients, type MicroBatchResult, runMicroBatch } from './micro-batch.ts';
import { routingStatistics } from './routing-statistics.ts';
import type { candidateSource } from './sampled-candidates.ts';
import type { StatesAhead } from './states-ahead.ts';
import { nonFinite, readStepLosses, type StepLosses, type StepPlace } from './step-losses.ts';

export interface StepSetup {
  readonly base: BaseModel;
  readonly extension: Extension;
  readonly data: BatchSource;
  readonly optimizer: Optimizer;
  readonly seed: number;
  readonly gradientAccumulation: number;
  readonly maxGradNorm: number;
  readonly signal: AbortSignal | undefined;
  readonly hiddenStates: StatesAhead | undefined;
  readonly recompute: boolean;
  /** null: the loss takes the whole vocabulary. */
  readonly candidates: ReturnType<typeof candidateSource> | null;
}

export interface StepRequest {
  /** Number of finished steps. */
  readonly step: number;
  readonly batchCounter: number;
  readonly learningRate: number;
  readonly collectStatistics: boolean;
  /** True where no step follows. */
  readonly isLast: boolean;
}

export interface StepOutcome extends StepLosses {
  readonly tokens: number;
  readonly optimizerState: OptimizerState;
  /** Statistics by site; null unless they are asked for. */
  readonly statistics: RoutingStatistics | null;
}

type Pass = Omit<MicroBatchResult, 'gradients'>;

function checkReached(parameters: ParamMap, gradients: ParamMap): void {
  const problems = [...parameters.keys()]
    .filter((path) => !gradients.has(path))
    .map((path) => ({ path, message: 'the loss does not depend on it, so it would never train' }));
  if (problems.length > 0) {
    throw new InvalidConfigError(
      'The extension',
      problems,
      'Take it out of `parameters`, or attach what uses it.',
    );
  }
}

async function nonFiniteGradient(place: StepPlace, gradients: ParamMap): Promise<NonFiniteError> {
  const names: string[] = [];
  for (const [path, gradient] of gradients) {
    if (!(await gradient.data()).every(Number.isFinite)) names.push(path);
  }
  const more = names.length > 3 ? ` and ${names.length - 3} more` : '';
  return nonFinite(place, `Gradient norm (${names.slice(0, 3).join(', ')}${more})`);
}

/**
 * One optimizer step: forward and backward over its micro-batches, clipping, update. Loss and gradient norm are
 * read before the update, so a NaN changes no weight.
 * @returns null when the signal came between two micro-batches; nothing is changed then
 * Throws NonFiniteError, CorruptDataError and InvalidConfigError.
 */
export async function trainStep(
  setup: StepSetup,
  request: StepRequest,
  state: OptimizerState,
): Promise<StepOutcome | null> {
  const { base, extension, data } = setup;
  const batches = readStepBatches(data, request.batchCounter, setup.gradientAccumulation, base);
  const normalizers = countTokens(batches);
  const place: StepPlace = {
    step: request.step + 1,
    firstCounter: request.batchCounter,
    batches,
    languages: data.languages,
  };
  if (normalizers.tokens === 0) {
    const where = `Step ${place.step} (batches from ${place.firstCounter})`;
    throw new CorruptDataError(where, 'has no token to predict', 'Prepare the data again.');
  }
  const gradients = new Map<ParamPath, Tensor>();
  const passes: Pass[] = [];
  try {
    for (const [i, batch] of batches.entries()) {
      const counter = request.batchCounter + i;
      const { collectStatistics } = request;
      const rng = streamOf(setup, request, i);
      const pass = await runFrom(setup, counter, batch, normalizers, { collectStatistics, rng });
      passes.push(pass);
      addGradients(gradients, pass.gradients);
      if (!request.isLast || i + 1 < batches.length) await setup.hiddenStates?.read(counter + 1);
      await yieldToHost();
      if (setup.signal?.aborted === true) return null;
    }
    checkReached(extension.parameters, gradients);
    const losses = await finishStep(setup, request, place, passes, gradients, state);
    const statistics = request.collectStatistics
      ? await routingStatistics(
          batches,
          passes.map((pass) => pass.statistics),
          data.languages,
        )
      : null;
    return { ...losses, tokens: normalizers.tokens, statistics };
  } finally {
    dispose([gradients, passes]);
  }
}

/** Random numbers of one micro-batch: they follow from where it stands in the run, so that a resumed run draws the same. */
function streamOf({ seed }: StepSetup, { step }: StepRequest, microBatch: number): Rng {
  return createRng(seed).fork(`step ${step}, micro-batch ${microBatch}`);
}

/** One pass, from the embeddings or from what comes out of the frozen layers. */
async function runFrom(
  { base, extension, hiddenStates, recompute, candidates: draw }: StepSetup,
  counter: number,
  batch: Batch,
  normalizers: LossNormalizers,
  given: { readonly collectStatistics: boolean; readonly rng: Rng },
): Promise<MicroBatchResult> {
  const hidden = await hiddenStates?.take(counter, batch);
  const candidates = draw?.(batch, given.rng);
  try {
    return runMicroBatch(base, extension, batch, normalizers, {
      ...given,
      recompute,
      ...(hidden && { from: { ...hiddenStates!.start, hidden } }),
      ...(candidates && { candidates }),
    });
  } finally {
    dispose([hidden, candidates]);
  }
}

async function finishStep(
  { optimizer, extension, maxGradNorm }: StepSetup,
  { learningRate }: StepRequest,
  place: StepPlace,
  passes: readonly Pass[],
  gradients: ParamMap,
  state: OptimizerState,
): Promise<StepLosses & { optimizerState: OptimizerState }> {
  const norm = globalNorm(gradients.values());
  const gradientScale = clipScale(norm, maxGradNorm);
  try {
    const losses = await readStepLosses(place, norm, passes);
    if (!Number.isFinite(losses.gradientNorm)) throw await nonFiniteGradient(place, gradients);
    const options = { learningRate, gradientScale };
    return { ...losses, optimizerState: optimizer.update(extension.parameters, gradients, state, options) };
  } finally {
    dispose([norm, gradientScale]);
  }
}
