import {
  type BaseIdentity,
  BaseMismatchError,
  CheckpointError,
  type OptimizerState,
  type ParamMap,
  type ParamPath,
  type Shape,
  type Variable,
} from '@moect/core';
import { assign, tensor, tidy } from '@moect/tensor';
import type { RunIdentity, SavedRun, SavedTensors } from './run-state.ts';

function shapeProblems(what: string, saved: SavedTensors, wanted: ParamMap<Variable>): string[] {
  const text = (shape: Shape): string => `[${shape.join(', ')}]`;
  const problems: string[] = [];
  for (const [path, { shape }] of wanted) {
    const given = saved.shapes.get(path);
    if (given === undefined) problems.push(`${what} lacks ${path}`);
    else if (text(given) !== text(shape)) {
      problems.push(`${what} has ${path} as ${text(given)}, this run needs ${text(shape)}`);
    }
  }
  for (const path of saved.shapes.keys()) {
    if (!wanted.has(path)) problems.push(`${what} holds ${path}, which this run does not train`);
  }
  return problems;
}

/** Settings of methods under the names that they had in checkpoints of before. */
const FORMER_NAMES: Readonly<Record<string, string>> = { snap: 'gateThreshold' };

/** Settings that checkpoints of before do not have; with null a method does what it did then. */
const ADDED_SETTINGS: readonly string[] = ['tokenRows'];

/** The configuration of a method with today's names in it, at every depth. */
function renamed(config: unknown): unknown {
  if (Array.isArray(config)) return config.map(renamed);
  if (typeof config !== 'object' || config === null) return config;
  const kept = Object.entries(config).filter(
    ([key, value]) => value !== null || !ADDED_SETTINGS.includes(key),
  );
  return Object.fromEntries(kept.map(([key, value]) => [FORMER_NAMES[key] ?? key, renamed(value)]));
}

/** JSON with sorted keys, so that equal settings give equal texts. */
function canonical(value: unknown): string {
  const sorted = (_key: string, node: unknown): unknown =>
    typeof node === 'object' && node !== null && !Array.isArray(node)
      ? Object.fromEntries(Object.entries(node).sort(([a], [b]) => (a < b ? -1 : 1)))
      : node;
  return JSON.stringify(value, sorted) ?? 'undefined';
}

function difference(name: string, saved: unknown, given: unknown): string[] {
  const [a, b] = [canonical(saved), canonical(given)];
  return a === b ? [] : [`${name} was ${a}, is now ${b}`];
}

/** Differences after which the run would not be the same run. */
function identityProblems(saved: RunIdentity, given: RunIdentity): string[] {
  return [
    ...difference('method', saved.method, given.method),
    ...difference('data fingerprint', saved.dataFingerprint, given.dataFingerprint),
    ...difference('languages', saved.languages, given.languages),
    ...difference('optimizer', saved.optimizer.name, given.optimizer.name),
  ];
}

/** Differences after which it is a defensible but another run. */
function settingProblems(saved: RunIdentity, given: RunIdentity): string[] {
  return [
    ...difference('method config', renamed(saved.methodConfig), renamed(given.methodConfig)),
    ...difference('seed', saved.seed, given.seed),
    ...difference('gradientAccumulation', saved.gradientAccumulation, given.gradientAccumulation),
    ...difference('maxGradNorm', saved.maxGradNorm, given.maxGradNorm),
    ...difference('optimizer settings', saved.optimizer.settings, given.optimizer.settings),
    ...difference('schedule', saved.schedule, given.schedule),
    ...difference('hidden states', saved.hiddenStates ?? null, given.hiddenStates ?? null),
    ...difference('sampled softmax', saved.sampledSoftmax ?? null, given.sampledSoftmax ?? null),
  ];
}

async function checkBase(
  saved: RunIdentity,
  given: RunIdentity,
  isSameBase: RestoreOptions['isSameBase'],
): Promise<string[]> {
  if (saved.base === null || given.base === null) return difference('base', saved.base, given.base);
  if (saved.base.sha256 === given.base.sha256 || (await isSameBase?.(saved.base)) === true) return [];
  throw new BaseMismatchError(saved.base.id, saved.base.sha256, given.base.sha256);
}

/** See `TrainOptions`. */
interface RestoreOptions {
  readonly allowChangedSettings: boolean;
  readonly isSameBase?: ((saved: BaseIdentity) => Promise<boolean>) | undefined;
}

async function assignAll(variables: ParamMap<Variable>, saved: SavedTensors): Promise<void> {
  for (const [path, variable] of variables) {
    const values = await saved.read(path);
    tidy(() => assign(variable, tensor(values, variable.shape)));
  }
}

/**
 * Puts the weights and the optimizer where the checkpoint left them.
 * Throws BaseMismatchError, and CheckpointError listing everything else that differs; nothing is changed then.
 */
export async function restore(
  saved: SavedRun,
  identity: RunIdentity,
  parameters: ReadonlyMap<ParamPath, Variable>,
  optimizer: OptimizerState,
  { allowChangedSettings, isSameBase }: RestoreOptions,
): Promise<OptimizerState> {
  const settings = allowChangedSettings ? [] : settingProblems(saved.state.run, identity);
  const problems = [
    ...(await checkBase(saved.state.run, identity, isSameBase)),
    ...identityProblems(saved.state.run, identity),
    ...shapeProblems('extension', saved.parameters, parameters),
    ...shapeProblems('optimizer', saved.optimizer, optimizer.tensors),
    ...settings,
  ];
  if (problems.length > 0) {
    const hint =
      settings.length === problems.length
        ? 'Give the settings it was made with, or train into another folder. A program of @moect/trainer may allow changed settings: the run is then not the one that was interrupted.'
        : 'Give the options it was made with, or train into another folder.';
    throw new CheckpointError(saved.folder, `belongs to another run:\n  ${problems.join('\n  ')}\n`, hint);
  }
  await assignAll(parameters, saved.parameters);
  await assignAll(optimizer.tensors, saved.optimizer);
  return { ...optimizer, step: saved.state.step };
}
