import { InvalidConfigError, MoectError } from '@moect/core';
import { countParameters } from '@moect/freeze';
import { gibibytes } from '../numbers.ts';
import { heldOutLanguages } from '../training/held-out.ts';
import type { PreparedRun } from '../training/prepare-run.ts';
import { freedomOf, type StepShape } from '../training/step-shape.ts';
import { planScoring } from './plan-scoring.ts';
import { type PlanningOptions, planTried, type TriedSteps, tryProbe } from './plan-training.ts';
import type { StepMemory } from './probe-memory.ts';
import { largestFitting } from './suggest.ts';
import type { EvaluationEstimate, TrainingPlan } from './training-plan.ts';

/** A run whose steps have the shape that fits, and its plan. */
export interface FittedRun {
  readonly prepared: PreparedRun;
  readonly plan: TrainingPlan;
}

interface Tried extends TriedSteps {
  readonly prepared: PreparedRun;
}

/** Share of the machine's free memory that a run counts on: other programs take some too. */
const SHARE_OF_FREE = 0.9;
const FLOAT = 4;

/** Tries the largest pass of the run's evaluations; one that has no room costs no run. */
async function planEvaluations({ run, base, extension, texts, input }: PreparedRun): Promise<{
  readonly evaluation: EvaluationEstimate | null;
  readonly warnings: readonly string[];
}> {
  const documents = heldOutLanguages(texts, input.evaluation).flatMap((language) => language.documents);
  if (documents.length === 0) return { evaluation: null, warnings: [] };
  const { steps, evaluateEvery = steps } = run.training;
  try {
    const plan = await planScoring({
      base: base.model,
      tokenizer: base.tokenizer,
      extensions: [extension],
      documents,
      // two moments of each trained weight are held beside the evaluations of a run
      moreBytes: 2 * FLOAT * countParameters(extension.parameters),
    });
    return { evaluation: { ...plan, times: Math.ceil(steps / evaluateEvery) + 1 }, warnings: [] };
  } catch (error) {
    if (!MoectError.isInstance(error) || error.name !== 'InvalidConfigError') throw error;
    return { evaluation: null, warnings: [`evaluations may be left out: ${error.message}`] };
  }
}

/** The same demand where memory also ends at what the machine has free. */
function onMachine(memory: StepMemory, { base }: Pick<PreparedRun, 'base'>): StepMemory {
  const free = base.platform.availableMemory();
  if (!memory.isMachines || free === null) return memory;
  const most = memory.heldBytes + SHARE_OF_FREE * free;
  const problemAt: StepMemory['problemAt'] = (batchSize, moreBytes = 0) => {
    const need = memory.at(batchSize).usedBytes + moreBytes;
    return (
      memory.problemAt(batchSize, moreBytes) ??
      (need <= most
        ? null
        : `a step takes ${gibibytes(need)} of memory, and this machine has ${gibibytes(most)} for it`)
    );
  };
  return { ...memory, problemAt };
}

const shapeOfRun = ({ run }: PreparedRun): StepShape => {
  const { batchSize, accumulation, recompute } = run.training;
  return { batchSize, accumulation, recompute };
};

/** Passes of fewer sequences, the same in all; null where none fits. */
function morePasses({ prepared }: Tried, memory: StepMemory): StepShape | null {
  const shape = shapeOfRun(prepared);
  const gradientBytes = FLOAT * countParameters(prepared.extension.parameters);
  const fitting = largestFitting({ ...shape, gradientBytes }, memory);
  if (fitting === null) return null;
  return { ...shape, batchSize: fitting, accumulation: (shape.batchSize / fitting) * shape.accumulation };
}

const wordsOf = ({ batchSize, accumulation, recompute }: StepShape, before: StepShape): string =>
  [
    ...(accumulation === before.accumulation
      ? []
      : [`${accumulation} passes of ${batchSize} sequences a step`]),
    ...(recompute === before.recompute ? [] : ['recomputation']),
  ].join(' and ');

/**
 * Shapes that train the same in less memory, the cheapest first: fewer sequences in a pass cost next to nothing,
 * recomputation costs a second forward pass. Only what nobody asked for is chosen.
 */
async function* smallerShapes(
  asked: Tried,
  bound: (memory: StepMemory) => StepMemory,
  limitBytes: number | undefined,
): AsyncGenerator<StepShape> {
  const { passes, recompute } = freedomOf(asked.prepared.input.settings.training);
  const cut = (tried: Tried): StepShape | null =>
    passes && tried.steps !== null ? morePasses(tried, bound(tried.steps)) : null;
  const inParts = cut(asked);
  if (inParts !== null) yield inParts;
  if (!recompute) return;
  const again = { ...shapeOfRun(asked.prepared), recompute: true };
  const prepared = asked.prepared.withShape(again, '');
  const tried = { prepared, ...(await tryProbe(prepared, limitBytes)) };
  if (tried.steps !== null && bound(tried.steps).problemAt(again.batchSize) === null) yield again;
  const both = cut(tried);
  if (both !== null) yield both;
}

/** Gives the first shape whose own steps fit; null where none does. */
async function firstFitting(
  asked: Tried,
  problem: string,
  bound: (memory: StepMemory) => StepMemory,
  limitBytes: number | undefined,
): Promise<Tried | null> {
  const before = shapeOfRun(asked.prepared);
  for await (const shape of smallerShapes(asked, bound, limitBytes)) {
    const prepared = asked.prepared.withShape(
      shape,
      `chosen to fit: ${wordsOf(shape, before)}, since ${problem}`,
    );
    const tried = { prepared, ...(await tryProbe(prepared, limitBytes)) };
    if (tried.steps !== null && bound(tried.steps).problemAt(shape.batchSize) === null) return tried;
  }
  return null;
}

/**
 * Plans a run, and where its steps do not fit into the backend's or the machine's memory, chooses passes of fewer
 * sequences or recomputation, as far as the settings leave them open. What it chose stands among the run's notes.
 */
export async function fitRun(
  prepared: PreparedRun,
  { limitBytes, ...options }: PlanningOptions,
): Promise<FittedRun> {
  const asked: Tried = { prepared, ...(await tryProbe(prepared, limitBytes)) };
  const { batchSize } = prepared.run.training;
  const machine = (memory: StepMemory): StepMemory => onMachine(memory, prepared);
  const tight = asked.steps === null ? asked.problem : machine(asked.steps).problemAt(batchSize);
  let chosen: Tried | null = null;
  if (tight !== null) chosen = await firstFitting(asked, tight, machine, limitBytes);
  // the machine's free memory changes, so what only it refuses is tried all the same
  if (chosen === null && asked.problem !== null)
    chosen = await firstFitting(asked, asked.problem, (memory) => memory, limitBytes);
  const taken = chosen ?? asked;
  const plan = await planTried(taken.prepared, taken, options);
  const { evaluation, warnings } = await planEvaluations(taken.prepared);
  return {
    prepared: taken.prepared,
    plan: {
      ...plan,
      evaluation,
      chosen: [...taken.prepared.notes.slice(prepared.notes.length), ...(evaluation?.notes ?? [])],
      warnings: [...plan.warnings, ...warnings],
    },
  };
}

/**
 * {@link fitRun}, which refuses what cannot fit into the memory of WebAssembly or the buffers of a GPU in any shape that
 * the settings allow, before anything is written; the plan's warnings name resources that may not suffice.
 * Throws InvalidConfigError.
 */
export async function checkFits(asked: PreparedRun, output: string | undefined): Promise<FittedRun> {
  const fitted = await fitRun(asked, { time: false, output });
  const { problems, suggestions } = fitted.plan;
  if (problems.length === 0) return fitted;
  throw new InvalidConfigError(
    'The run',
    problems.map((message) => ({ path: 'training', message })),
    `What takes less: ${suggestions.join('; ')}. moect train --plan shows the whole estimate.`,
  );
}
