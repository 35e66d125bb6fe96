import { MoectError } from '@moect/core';
import type { BackendInfo, BackendName } from '../backend-info.ts';
import { type Candidate, findCandidates, machine } from './candidates.ts';
import { stepsPerSecond } from './probe.ts';
import { cachedSpeeds, cacheSpeeds, type Speeds } from './probe-cache.ts';

type Start = (name: BackendName) => Promise<BackendInfo>;

/** Measures each; one that does not start is left out. */
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

/** A GPU before anything else, then what was faster. */
export function fastest(speeds: Speeds): BackendName | undefined {
  const isGpu = (key: string): number => Number(key.endsWith(' gpu'));
  const [first] = Object.entries(speeds).sort(
    ([a, speedA], [b, speedB]) => isGpu(b) - isGpu(a) || speedB - speedA,
  );
  return first?.[0].split(' ')[0] as BackendName | undefined;
}

const SHOWN: Readonly<Record<string, string>> = { gpu: ' on the GPU', cpu: '' };

/** For people: the speeds behind a choice. */
function reason(speeds: Speeds, isCached: boolean): string {
  const parts = Object.entries(speeds).map(([key, speed]) => {
    const [name, device] = key.split(' ') as [string, string];
    return `${name}${SHOWN[device]} ${speed.toFixed(0)}`;
  });
  return `training steps a second, measured ${isCached ? 'earlier' : 'now'}: ${parts.join(', ')}`;
}

/**
 * The fastest backend of this machine by a short measurement, which is kept for the next time. Where only wasm is there,
 * nothing is measured.
 * @param threads of the backends on the CPU
 */
export async function chooseBackend(start: Start, threads: number): Promise<BackendInfo> {
  const candidates = await findCandidates();
  if (candidates.length === 1) return start('wasm');
  const key = [machine(threads), ...candidates.map((c) => `${c.name} ${c.fingerprint}`.trim())].join('; ');
  const cached = cachedSpeeds(key);
  const speeds = cached ?? (await measure(candidates, start));
  if (cached === undefined) cacheSpeeds(key, speeds);
  const info = await start(fastest(speeds) ?? 'wasm');
  return { ...info, detail: `${info.detail}; ${reason(speeds, cached !== undefined)}` };
}
