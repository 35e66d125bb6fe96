import { randomUUID } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { mkdir, open, readFile, rename, rm, stat, utimes } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { CheckpointError } from '@moect/core';

interface Owner {
  readonly pid: number;
  readonly host: string;
  /** Start of the process, which tells it from a later one with the same number; null where unknown. */
  readonly started: string | null;
  /** Where process numbers mean the same: the boot of the machine and the process namespace; null where unknown. */
  readonly space?: string | null;
  readonly token: string;
}

export interface RunLock {
  release(): Promise<void>;
}

/** A lock of another machine or container counts as left behind when nobody touched it for so long. */
const STALE_MS = 10 * 60_000;
const TOUCH_MS = 30_000;

/**
 * Containers on one machine may share a host name and not their process numbers, and machines may be copies of one
 * another with the same name. null where the system does not tell (macOS, Windows): there the host name decides.
 */
function processSpace(): string | null {
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    return `${boot} ${readlinkSync('/proc/self/ns/pid')}`;
  } catch {
    return null;
  }
}

/** Start time of a process in clock ticks since boot, where /proc tells. */
function startOf(pid: number): string | null {
  try {
    // the name in parentheses may hold spaces; start time is the 20th field after it
    return readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ')[19] ?? null;
  } catch {
    return null;
  }
}

function isRunning({ pid, started }: Owner): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
  }
  return started === null || startOf(pid) === started;
}

async function readOwner(path: string): Promise<Owner | null> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as Owner;
  } catch {
    return null;
  }
}

/** Milliseconds since the owner last touched its lock; null if the lock is gone. */
async function idleFor(path: string): Promise<number | null> {
  const touched = await stat(path).catch(() => null);
  return touched === null ? null : Date.now() - touched.mtimeMs;
}

/** Only the process numbers of this very machine and namespace say whether the owner lives. */
function countsHere(owner: Owner | null): owner is Owner {
  if (owner?.host !== hostname()) return false;
  // locks of before say nothing of their namespace
  return owner.space === undefined || owner.space === processSpace();
}

async function isStale(path: string, owner: Owner | null): Promise<boolean> {
  if (countsHere(owner)) return !isRunning(owner);
  const idle = await idleFor(path);
  return idle === null || idle > STALE_MS;
}

async function heldBy(path: string, owner: Owner | null): Promise<string> {
  const who = owner === null ? 'another process' : `process ${owner.pid} on ${owner.host}`;
  if (countsHere(owner)) return `${who} trains here`;
  const idle = Math.round(((await idleFor(path)) ?? 0) / 1000);
  return `${who} trains here, in another container or machine (last sign of life ${idle} s ago)`;
}

async function create(path: string, owner: Owner): Promise<boolean> {
  try {
    const handle = await open(path, 'wx');
    await handle.writeFile(`${JSON.stringify(owner)}\n`);
    await handle.close();
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/** Removes a lock left behind; another process may have done so and taken the place meanwhile. */
async function breakLock(path: string, stale: Owner | null): Promise<void> {
  const aside = `${path}.${randomUUID()}`;
  try {
    await rename(path, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  const moved = await readOwner(aside);
  if (moved !== null && moved.token !== stale?.token) await rename(aside, path);
  else await rm(aside, { force: true });
}

/**
 * Makes this process the only one that trains in a folder. The lock of a process that is gone is taken over.
 * Throws CheckpointError when another run holds it.
 */
export async function lockRun(runFolder: string): Promise<RunLock> {
  await mkdir(runFolder, { recursive: true });
  const path = join(runFolder, 'run.lock');
  const mine = {
    pid: process.pid,
    host: hostname(),
    started: startOf(process.pid),
    space: processSpace(),
    token: randomUUID(),
  };
  if (!(await create(path, mine))) {
    const owner = await readOwner(path);
    if (await isStale(path, owner)) await breakLock(path, owner);
    if (!(await create(path, mine))) {
      const hint = `Wait for it, train into another folder, or remove ${path} if that process is gone.`;
      throw new CheckpointError(runFolder, await heldBy(path, owner), hint);
    }
  }
  const touch = setInterval(() => {
    const now = new Date();
    utimes(path, now, now).catch(() => undefined);
  }, TOUCH_MS);
  touch.unref();
  return {
    async release() {
      clearInterval(touch);
      if ((await readOwner(path))?.token === mine.token) await rm(path, { force: true });
    },
  };
}
