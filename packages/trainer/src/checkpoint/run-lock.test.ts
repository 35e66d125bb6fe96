import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { lockRun } from './run-lock.ts';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'moect-lock-'));
});
afterEach(() => rm(folder, { recursive: true }));

const path = (): string => join(folder, 'run.lock');

/** The lock of this process, with some of it changed. */
async function leaveLock(changes: object, minutesAgo = 0): Promise<void> {
  await rm(path(), { force: true });
  const lock = await lockRun(folder);
  const owner = JSON.parse(await readFile(path(), 'utf8'));
  await lock.release();
  await writeFile(path(), JSON.stringify({ ...owner, token: 'theirs', ...changes }));
  const then = new Date(Date.now() - minutesAgo * 60_000);
  await utimes(path(), then, then);
}

/** The number of a process that has ended. */
async function deadProcess(): Promise<number> {
  const child = spawn(process.execPath, ['--version'], { stdio: 'ignore' });
  await once(child, 'exit');
  return child.pid!;
}

describe('the lock of a run', () => {
  it('holds while its process lives, and is taken over from one that is gone', async () => {
    await leaveLock({});
    await expect(lockRun(folder)).rejects.toThrow(/process \d+ on .* trains here\./);
    await leaveLock({ pid: await deadProcess() });
    await (await lockRun(folder)).release();
  });

  it.skipIf(process.platform !== 'linux')(
    'of another container with the same host name holds, whatever its process number means here',
    async () => {
      const pid = await deadProcess();
      await leaveLock({ pid, space: 'another boot pid:[1]' });
      await expect(lockRun(folder)).rejects.toThrow(
        /trains here, in another container .*last sign of life \d+ s ago/,
      );
      await leaveLock({ pid, space: 'another boot pid:[1]' }, 11);
      await (await lockRun(folder)).release();
    },
  );
});
