import { grouped } from '../cli/io.ts';
import type { TrainingPlan } from './estimate.ts';

/** 1.5e9 → `1.40 GiB`; below a tenth of it in MiB. */
export function gibibytes(bytes: number): string {
  const gib = bytes / 2 ** 30;
  return gib >= 0.1 ? `${gib.toFixed(2)} GiB` : `${(bytes / 2 ** 20).toFixed(1)} MiB`;
}

/** 3723 → `1 h 2 min`. */
export function duration(seconds: number): string {
  if (seconds < 60) return `${seconds < 10 ? seconds.toPrecision(2) : Math.round(seconds)} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return `${hours} h ${minutes % 60} min`;
  return `${Math.floor(hours / 24)} d ${hours % 24} h`;
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
    ['memory', `${gibibytes(memory.moreBytes)} more, ${gibibytes(memory.availableBytes)} free`],
    [
      'disk',
      `${gibibytes(disk.neededBytes)} (a checkpoint ${gibibytes(disk.checkpointBytes)})` +
        (disk.availableBytes === null ? '' : `, ${gibibytes(disk.availableBytes)} free`),
    ],
  ];
}

/** The plan as text, a line an item. */
export function formatPlan(plan: TrainingPlan): string {
  const lines = rows(plan).map(([name, value]) => `${name.padEnd(12)}${value}`);
  const { problems, warnings, suggestions } = plan;
  lines.push(...problems.map((problem) => `problem     ${problem}`));
  lines.push(...warnings.map((warning) => `warning     ${warning}`));
  if (problems.length > 0 || warnings.length > 0) lines.push(...suggestions.map((s) => `try         ${s}`));
  else lines.push('fits');
  return `${lines.join('\n')}\n`;
}
