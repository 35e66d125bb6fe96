import { nodeBuiltin } from './node-builtin.ts';

interface Fs {
  readFileSync(path: string, encoding: 'utf8'): string;
}

/** Contents of a file; null where there is none. */
export type ReadFile = (path: string) => string | null;

/** Reads a file of the system. */
export const readSystemFile: ReadFile = (path) => {
  try {
    return nodeBuiltin<Fs>('node:fs')!.readFileSync(path, 'utf8');
  } catch {
    return null;
  }
};

const ROOT = '/sys/fs/cgroup';

/** A group and those that it lies in, up to the root: the tightest limit of any of them counts. */
function withParents(group: string): string[] {
  const parts = group.split('/').filter((part) => part !== '' && part !== '..');
  return Array.from({ length: parts.length + 1 }, (_, i) => parts.slice(0, parts.length - i).join('/'));
}

const joined = (...parts: readonly string[]): string => parts.filter((part) => part !== '').join('/');

/** Cores by a quota of microseconds in each period; Infinity for none. */
function coresOf(quota: string | undefined, period: string | undefined): number {
  const [limit, length] = [Number(quota), Number(period)];
  return limit > 0 && length > 0 ? limit / length : Number.POSITIVE_INFINITY;
}

/** Control groups of version 2: one file with both numbers, or `max`. */
function quotaV2(group: string, read: ReadFile): number {
  const [quota, period] = (read(joined(ROOT, group, 'cpu.max')) ?? '').trim().split(' ');
  return coresOf(quota, period);
}

/** Version 1: a folder of the controller, which some systems name together with its accounting. */
function quotaV1(group: string, read: ReadFile): number {
  const folders = ['cpu', 'cpu,cpuacct'].map((controller) => joined(ROOT, controller, group));
  return Math.min(
    ...folders.map((folder) =>
      coresOf(read(`${folder}/cpu.cfs_quota_us`)?.trim(), read(`${folder}/cpu.cfs_period_us`)?.trim()),
    ),
  );
}

/**
 * Cores that the control groups of this process leave it (Linux: containers, systemd, batch systems), which Node's count
 * leaves out; may be a fraction, Infinity without a limit.
 */
export function coreQuota(read: ReadFile): number {
  let least = Number.POSITIVE_INFINITY;
  for (const line of (read('/proc/self/cgroup') ?? '0::/').split('\n')) {
    const [, controllers, group] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    if (controllers === undefined || group === undefined) continue;
    const isCpu = controllers.split(',').includes('cpu');
    if (!isCpu && controllers !== '') continue;
    for (const name of withParents(group)) {
      least = Math.min(least, isCpu ? quotaV1(name, read) : quotaV2(name, read));
    }
  }
  return least;
}
