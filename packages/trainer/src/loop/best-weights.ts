import type { ParamMap, Variable } from '@moect/core';
import { assign, tensor, tidy } from '@moect/tensor';
import type { BestWeights, RunState, SavedRun } from './run-state.ts';

/** Copies weights to the host. */
export async function copyWeights(parameters: ParamMap<Variable>): Promise<BestWeights> {
  const copy = new Map<string, Float32Array>();
  for (const [path, variable] of parameters) {
    // a backend may give a view of memory that the next step writes
    copy.set(path, Float32Array.from(await variable.data()));
  }
  return copy;
}

/** Puts weights back. */
export function assignWeights(parameters: ParamMap<Variable>, weights: BestWeights): void {
  for (const [path, variable] of parameters) {
    tidy(() => assign(variable, tensor(weights.get(path)!, variable.shape)));
  }
}

/** The best weights of a saved run; null if it has none. */
export async function readBest(saved: SavedRun): Promise<BestWeights | null> {
  if (saved.state.best === undefined || saved.state.best === null) return null;
  const source = saved.best ?? saved.parameters;
  const read = new Map<string, Float32Array>();
  for (const path of source.shapes.keys()) read.set(path, await source.read(path));
  return read;
}

/** Whether an evaluation's rank is the lowest so far; NaN never is. */
export function isBest(rank: number, { best }: Pick<RunState, 'best'>): boolean {
  return best === undefined || best === null ? !Number.isNaN(rank) : rank < best.rank;
}
