import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Reply, Request } from './serve.ts';

/** MOECT_BENCH_PYTHON, else python3; throws where it lacks one of these modules. */
export function findPython(...modules: readonly string[]): string {
  const python = process.env['MOECT_BENCH_PYTHON'] ?? 'python3';
  const probe = spawnSync(python, ['-c', `import ${modules.join(', ')}`], { stdio: 'ignore' });
  if (probe.status === 0) return python;
  throw new Error(`${python} has no ${modules.join(', ')}; set MOECT_BENCH_PYTHON to a Python that has`);
}

/** Tells the parent process in one line why a contender cannot run. */
export const refuse = (error: Error): void => void process.send?.({ error: error.message.split('\n')[0]! });

/** Serves a script of src/contenders/torch to the parent process: passes requests and replies on. */
export async function servePython(
  python: string,
  script: string,
  args: readonly string[],
  threads: string,
): Promise<void> {
  const file = fileURLToPath(new URL(`./torch/${script}`, import.meta.url));
  const child = spawn(python, [file, ...args], {
    env: { ...process.env, OMP_NUM_THREADS: threads },
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  child.once('exit', (code) => process.exit(code ?? 1));
  const leave = (): void => {
    child.kill();
    process.exit();
  };
  process.on('disconnect', leave).on('SIGTERM', leave);
  const lines = createInterface({ input: child.stdout });
  await once(lines, 'line');
  process.send?.({ ready: true });
  process.on('message', async (request: Request) => {
    child.stdin.write(`${JSON.stringify(request)}\n`);
    const [line] = (await once(lines, 'line')) as [string];
    process.send?.(JSON.parse(line) as Reply);
  });
}
