import { duration, gibibytes, grouped } from '../numbers.ts';
import type { TrainingPlan } from './training-plan.ts';

const free = (bytes: number | null): string => (bytes === null ? '' : `, ${gibibytes(bytes)} free`);

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
          [
            'time',
            `${duration(time.seconds)}, ${duration(time.secondsPerStep)} a step; evaluation not counted`,
          ],
          ['speed', `${grouped(time.tokensPerSecond)} tokens/s`],
        ] as [string, string][])),
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
      `${gibibytes(disk.neededBytes)} (a checkpoint ${gibibytes(disk.checkpointBytes)})${free(disk.availableBytes)}`,
    ],
  ];
}

/** The plan as text, one line per item. */
export function formatPlan(plan: TrainingPlan): string {
  const lines = rows(plan).map(([name, value]) => `${name.padEnd(12)}${value}`);
  const { problems, warnings, suggestions } = plan;
  lines.push(...problems.map((problem) => `problem     ${problem}`));
  lines.push(...warnings.map((warning) => `warning     ${warning}`));
  if (problems.length > 0 || warnings.length > 0) lines.push(...suggestions.map((s) => `try         ${s}`));
  else lines.push('fits');
  return `${lines.join('\n')}\n`;
}
