// A process for one job: trains a pack, or measures it. Interrupted work saves its state.
import { rm } from 'node:fs/promises';
import path from 'node:path';
import type { Callback } from '@moect/core';
import { writeJsonAtomic } from '@moect/safetensors/node';
import { abortOnSignals } from '@moect/trainer/node';
import { type Base, compare, openBase, openPack, train } from 'moect';
import type { Measured, RealJob, RealMessage, Trained } from './jobs.ts';

const { signal } = abortOnSignals();
const send = (message: RealMessage): void => void process.send?.(message);

/** Where the parent was killed, nobody would read the result. */
const stop = (): boolean => process.kill(process.pid, 'SIGTERM');
process.once('disconnect', stop);

const byCode = (
  { languages }: RealJob,
  role: string | null,
  part: 'train' | 'heldOut',
): Record<string, { files: string[] }> =>
  Object.fromEntries(
    languages
      .filter((language) => role === null || language.role === role)
      .map((language) => [language.code, { files: [language[part]] }]),
  );

/** Sends the progress, and measures the speed of the steps. */
function watch(): { readonly callback: Callback; tokensPerSecond(): number } {
  let [tokens, seconds] = [0, 0];
  const callback: Callback = {
    contract: 'callback/1',
    name: 'demo',
    onStart: ({ step, totalSteps }) => send({ kind: 'progress', share: step / totalSteps }),
    onStep: (metrics) => {
      tokens += metrics.tokens;
      seconds += metrics.tokens / metrics.tokensPerSecond;
      send({ kind: 'progress', share: metrics.step / metrics.totalSteps });
    },
  };
  return { callback, tokensPerSecond: () => (seconds > 0 ? tokens / seconds : 0) };
}

async function trainJob(job: RealJob, base: Base): Promise<boolean> {
  const { callback, tokensPerSecond } = watch();
  const pack = await train(base, {
    preset: job.method,
    languages: byCode(job, 'new', 'train'),
    replay: byCode(job, 'old', 'train'),
    data: { heldOut: 0 },
    training: { tokens: job.tokens },
    output: job.run,
    resume: true,
    signal,
    callbacks: [callback],
  });
  if (pack.folder === null) return false;
  const trained: Trained = {
    trainedTokens: pack.info.training!.tokens,
    tokensPerSecond: tokensPerSecond(),
  };
  await writeJsonAtomic(job.result, trained);
  // full training leaves 1.6 GB, of use only to a run that is not done
  await rm(path.join(job.run, 'checkpoints'), { recursive: true, force: true });
  return true;
}

async function measureJob(job: RealJob, base: Base): Promise<boolean> {
  const pack = await openPack(base, path.join(job.run, 'extension'));
  const old = job.languages.filter(({ role }) => role === 'old').map(({ code }) => code);
  const compared = await compare(base, [pack], byCode(job, null, 'heldOut'), {
    old,
    signal,
    onProgress: (what, share) => send({ kind: 'progress', share: (what === 'base' ? 0 : 0.5) + share / 2 }),
  });
  const rows = compared.packs[0]!.comparison.languages.filter(({ role }) => role === 'old');
  const worstBits = Math.max(...rows.map(({ worstDocument }) => worstDocument.bits));
  const measured: Measured = { report: await compared.report(), worstBits };
  await writeJsonAtomic(job.result, measured);
  return true;
}

async function work(job: RealJob): Promise<RealMessage> {
  try {
    const base = await openBase(job.base, { signal });
    const isDone = job.kind === 'training' ? await trainJob(job, base) : await measureJob(job, base);
    return { kind: isDone ? 'done' : 'interrupted' };
  } catch (error) {
    if (signal.aborted) return { kind: 'interrupted' };
    const { message, hint } = error as Error & { hint?: string };
    return { kind: 'error', message: hint === undefined ? message : `${message} ${hint}` };
  }
}

process.once('message', async (job: RealJob) => {
  const message = await work(job);
  process.off('disconnect', stop);
  process.send?.(message, () => process.exit());
});
