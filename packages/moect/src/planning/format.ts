import { duration, gibibytes, grouped } from '../numbers.ts';
import type { ScoringPlan } from './plan-scoring.ts';
import type { DiskEstimate, EvaluationEstimate, TrainingPlan } from './training-plan.ts';

const free = (bytes: number | null): string => (bytes === null ? '' : `, ${gibibytes(bytes)} free`);

const statesText = ({ statesBytes }: DiskEstimate): string =>
  statesBytes === 0 ? '' : `, hidden states ${gibibytes(statesBytes)}`;

function evaluationRow({ times, tokens, seconds, peakBytes }: EvaluationEstimate): [string, string] {
  const memory = peakBytes === null ? '' : `; ${gibibytes(peakBytes)} of wasm heap in use`;
  return ['evaluations', `${times} × ${grouped(tokens)} tokens, ${duration(times * seconds)}${memory}`];
}

/** The plan of scoring as text, one line per item. */
export function formatScoringPlan(plan: ScoringPlan, models: number): string {
  const { documents, tokens, window, passTokens, peakBytes, seconds, notes } = plan;
  const lines = [
    [
      'text',
      `${grouped(documents)} documents, ${grouped(tokens)} tokens, windows of at most ${grouped(window)}`,
    ],
    ['time', `${duration(seconds * models)} for ${models} model${models === 1 ? '' : 's'}`],
    ['largest pass', `${grouped(passTokens)} tokens`],
    ...(peakBytes === null ? [] : [['wasm heap', `${gibibytes(peakBytes)} in use at the peak`]]),
  ].map(([name, value]) => `${name!.padEnd(14)}${value}`);
  return `${[...lines, ...notes.map((note) => `note          ${note}`), 'fits'].join('\n')}\n`;
}

function rows(plan: TrainingPlan): [string, string][] {
  const { memory, disk, time, batchSize, accumulation, sequenceLength } = plan;
  const batches = accumulation === 1 ? '' : `${accumulation} × `;
  const share = Math.round((100 * plan.trainableParameters) / plan.baseParameters);
  const { heap, gpu } = memory;
  return [
    ['parameters', `${grouped(plan.baseParameters)} in the base`],
    ['trained', `${grouped(plan.trainableParameters)} (${share} % of the base)`],
    ['steps', `${grouped(plan.steps)} of ${batches}${batchSize} × ${sequenceLength} tokens`],
    ['texts', plan.frame],
    ...(time === null
      ? []
      : ([
          ['time', `${duration(time.seconds)}, ${duration(time.secondsPerStep)} a step; evaluations below`],
          ['speed', `${grouped(time.tokensPerSecond)} tokens/s`],
        ] as [string, string][])),
    ...(plan.evaluation === null ? [] : [evaluationRow(plan.evaluation)]),
    ...(heap === null
      ? []
      : ([
          [
            'wasm heap',
            `${gibibytes(heap.usedBytes)} of ${gibibytes(heap.limitBytes)}; ` +
              `${gibibytes(heap.peakBytes)} in use at the peak`,
          ],
        ] as [string, string][])),
    ...(gpu === null
      ? []
      : ([
          [
            'gpu memory',
            `${gibibytes(gpu.usedBytes)}${gpu.limitBytes === null ? '' : ` of ${gibibytes(gpu.limitBytes)}`}; ` +
              `${gibibytes(gpu.peakBytes)} in use at the peak`,
          ],
        ] as [string, string][])),
    ['at least', `${gibibytes(memory.leastBytes)} for weights, gradients and optimizer`],
    ['memory', `${gibibytes(memory.moreBytes)} more${free(memory.availableBytes)}`],
    [
      'disk',
      `${gibibytes(disk.neededBytes)} (a checkpoint ${gibibytes(disk.checkpointBytes)}${statesText(disk)})${free(disk.availableBytes)}`,
    ],
  ];
}

/** The plan as text, one line per item. */
export function formatPlan(plan: TrainingPlan): string {
  const lines = rows(plan).map(([name, value]) => `${name.padEnd(12)}${value}`);
  const { problems, warnings, suggestions } = plan;
  lines.push(...plan.chosen.map((choice) => `chosen      ${choice}`));
  lines.push(...problems.map((problem) => `problem     ${problem}`));
  lines.push(...warnings.map((warning) => `warning     ${warning}`));
  if (problems.length > 0 || warnings.length > 0) lines.push(...suggestions.map((s) => `try         ${s}`));
  else lines.push('fits');
  return `${lines.join('\n')}\n`;
}
