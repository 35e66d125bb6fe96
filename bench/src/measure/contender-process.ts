import { type ChildProcess, fork } from 'node:child_process';
import type { Entry } from '../cases/bench-case.ts';
import type { Message, Reply, Request } from '../contenders/serve.ts';

/** A contender in a process of its own; it does nothing between requests. */
export interface ContenderProcess {
  readonly entry: Entry;
  ask(request: Request): Promise<Reply>;
  stop(): Promise<void>;
}

function nextMessage(child: ChildProcess): Promise<Message> {
  return new Promise((resolve, reject) => {
    const settle = (finish: () => void): void => {
      child.off('message', onMessage).off('exit', onExit);
      finish();
    };
    const onMessage = (message: unknown): void => settle(() => resolve(message as Message));
    const onExit = (code: number | null): void =>
      settle(() => reject(new Error(`its process ended with code ${code}`)));
    child.on('message', onMessage).on('exit', onExit);
  });
}

async function reply(child: ChildProcess): Promise<Exclude<Message, { error: string }>> {
  const message = await nextMessage(child);
  if ('error' in message) throw new Error(message.error);
  return message;
}

/** Starts a contender and waits until its model is ready. Rejects with a one-line reason if it cannot run. */
export async function startContender(entry: Entry): Promise<ContenderProcess> {
  const child = fork(new URL(`../contenders/${entry.module}.ts`, import.meta.url), {
    env: { ...process.env, ...entry.env },
    execArgv: ['--conditions=@moect/source', '--import', import.meta.resolve('tsx')],
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  });
  const stop = (): Promise<void> =>
    new Promise((resolve) => {
      if (child.exitCode !== null || child.signalCode !== null) return resolve();
      child.once('exit', () => resolve());
      child.kill();
    });
  try {
    await reply(child);
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    entry,
    stop,
    ask: async (request) => {
      child.send(request);
      return (await reply(child)) as Reply;
    },
  };
}
