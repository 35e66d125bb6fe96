import os from 'node:os';
import type { BenchCase, EntryResult } from '../cases/bench-case.ts';
import type { CaseMeasurement } from '../measure/measure-case.ts';
import type { CaseReport, Ceiling, Hardware } from './report.ts';

export function thisHardware(): Hardware {
  return {
    cpu: os.cpus()[0]?.model.trim() || 'unknown',
    cores: os.availableParallelism(),
    gpu: null,
    runtime: `Node ${process.version}`,
  };
}

/** Threads by the ending of a contender's name: `-1t` has one. */
const ceilingOf = (name: string, ceiling: Ceiling): number =>
  name.endsWith('-1t') ? ceiling.gflopsOneThread : ceiling.gflopsAllThreads;

function withFlops(
  benchCase: BenchCase,
  name: string,
  result: EntryResult,
  ceiling: Ceiling,
): CaseReport['results'][string] {
  const check = Number.isFinite(result.check) ? result.check : null;
  const flops = benchCase.modelFlops?.[name];
  if (flops === undefined) return { ...result, check };
  const modelGflops = (result.median * flops) / 1e9;
  return { ...result, check, modelGflops, shareOfCeiling: modelGflops / ceilingOf(name, ceiling) };
}

function costOf({ cost }: BenchCase, { results }: CaseMeasurement): CaseReport['cost'] {
  const entry = cost && results[cost.entry];
  const reference = cost && results[cost.reference];
  if (cost === undefined || entry === undefined || reference === undefined) return undefined;
  return { ...cost, measured: reference.median / entry.median };
}

function barsOf({ bars }: BenchCase, { results, ceiling }: CaseMeasurement): CaseReport['bars'] {
  return bars.flatMap((bar) => {
    const value = bar.value(results, ceiling);
    if (value === undefined) return [];
    const { text, atLeast, atMost } = bar;
    const met = value >= (atLeast ?? -Infinity) && value <= (atMost ?? Infinity);
    const bound = atLeast === undefined ? { atMost: atMost! } : { atLeast };
    return [{ text, ...bound, value, met }];
  });
}

/** Stored report of a case: speeds, shares of the ceiling, predicted and measured cost, bars met or not. */
export function caseReport(benchCase: BenchCase, measured: CaseMeasurement, isQuick: boolean): CaseReport {
  const { name, title, unit, tokens } = benchCase;
  const cost = costOf(benchCase, measured);
  return {
    name,
    title,
    unit,
    date: new Date().toISOString(),
    hardware: thisHardware(),
    ceiling: measured.ceiling,
    quick: isQuick,
    tokensPerStep: tokens,
    results: Object.fromEntries(
      Object.entries(measured.results).map(([entry, result]) => [
        entry,
        withFlops(benchCase, entry, result, measured.ceiling),
      ]),
    ),
    leftOut: measured.leftOut,
    ...(cost && { cost }),
    bars: barsOf(benchCase, measured),
  };
}
