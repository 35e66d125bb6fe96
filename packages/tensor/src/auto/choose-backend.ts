import { BackendUnavailableError, MoectError } from '@moect/core';
import type { BackendInfo, BackendName } from '../backend-info.ts';
import { type Candidate, type Candidates, findCandidates, machine } from './candidates.ts';
import { packageVersion } from './package-version.ts';
import { stepsPerSecond } from './probe.ts';
import { cachedSpeeds, cacheSpeeds, type Speeds } from './probe-cache.ts';

type Start = (name: BackendName) => Promise<BackendInfo>;

/** Measures each candidate; leaves out those that do not start. */
async function measure(candidates: readonly Candidate[], start: Start): Promise<Speeds> {
  const speeds: Record<string, number> = {};
  for (const { name } of candidates) {
    try {
      const { device } = await start(name);
      speeds[`${name} ${device}`] = await stepsPerSecond();
    } catch (error) {
      if (!MoectError.isInstance(error)) throw error;
    }
  }
  return speeds;
}

/** The best backend: GPUs first, then by speed. */
export function fastest(speeds: Speeds): BackendName | undefined {
  const isGpu = (key: string): number => Number(key.endsWith(' gpu'));
  const [first] = Object.entries(speeds).sort(
    ([a, speedA], [b, speedB]) => isGpu(b) - isGpu(a) || speedB - speedA,
  );
  return first?.[0].split(' ')[0] as BackendName | undefined;
}

const SHOWN: Readonly<Record<string, string>> = { gpu: ' on the GPU', cpu: '' };

/** For people: the speeds behind a choice, and why the other candidates use no GPU. */
function reason(speeds: Speeds, isCached: boolean, others: readonly Candidate[]): string {
  const parts = Object.entries(speeds).map(([key, speed]) => {
    const [name, device] = key.split(' ') as [string, string];
    const noGpu = device === 'gpu' ? undefined : others.find((one) => one.name === name)?.noGpu;
    return `${name}${SHOWN[device]} ${speed.toFixed(0)}${noGpu === undefined ? '' : ` (${noGpu})`}`;
  });
  return `training steps a second, measured ${isCached ? 'earlier' : 'now'}: ${parts.join(', ')}`;
}

const withReason = (info: BackendInfo, why: string | null): BackendInfo =>
  why === null ? info : { ...info, detail: `${info.detail}; ${why}` };

/** Starts a backend that needs no measurement: a GPU beside wasm, or wasm alone; else null. */
export async function startOnly({ found, noGpu }: Candidates, start: Start): Promise<BackendInfo | null> {
  if (found.some(({ name }) => name === 'node')) return null;
  if (!found.some(({ name }) => name === 'webgpu')) return withReason(await start('wasm'), noGpu);
  try {
    return await start('webgpu');
  } catch (error) {
    if (!(error instanceof BackendUnavailableError)) throw error;
    return withReason(await start('wasm'), error.reason);
  }
}

/**
 * Starts the fastest backend of this machine: GPUs first, then by a short measurement, which is cached.
 * @param threads number of threads of the backends on the CPU
 */
export async function chooseBackend(start: Start, threads: number): Promise<BackendInfo> {
  const candidates = await findCandidates();
  const only = await startOnly(candidates, start);
  if (only !== null) return only;
  const { found, noGpu } = candidates;
  const version = packageVersion();
  const key = [
    `moect ${version}`,
    machine(threads),
    ...found.map((c) => `${c.name} ${c.fingerprint}`.trim()),
  ];
  const cached = cachedSpeeds(key.join('; '));
  const speeds = cached ?? (await measure(found, start));
  // without a version, old measurements could not be told from new ones
  if (cached === undefined) cacheSpeeds(key.join('; '), speeds, version !== undefined);
  const info = await start(fastest(speeds) ?? 'wasm');
  // the chosen backend reports itself why it uses no GPU
  const others = found.filter(({ name }) => name !== info.name);
  return withReason(
    withReason(info, reason(speeds, cached !== undefined, others)),
    info.device === 'gpu' ? null : noGpu,
  );
}
