import type { Command } from 'commander';
import { type Examination, examine } from '../../doctor/examine.ts';
import { positiveInteger } from '../arguments.ts';
import { EXIT } from '../exit-codes.ts';
import type { Io } from '../io.ts';

const MARKS = { ok: 'ok     ', warning: 'warning', problem: 'PROBLEM' } as const;

function print({ findings, cpu, cores, platform, chosen }: Examination, io: Io): void {
  io.out(`${platform}, ${cpu}, ${cores} cores\n`);
  for (const { level, text } of findings) io.out(`${MARKS[level]}  ${text}\n`);
  io.out(
    chosen === null
      ? 'No backend works here; nothing can be trained.\n'
      : `moect uses ${chosen}. Next: moect train --help\n`,
  );
}

/** `moect doctor` */
export function addDoctor(program: Command, io: Io, done: (code: number) => void): void {
  program
    .command('doctor')
    .summary('see what this machine can do')
    .description('Starts every backend, measures its speed, checks its gradients, and says what is missing.')
    .option('--threads <n>', 'threads of the wasm backend (default: all cores)', positiveInteger)
    .option('--json', 'print one JSON object')
    .option('--verbose', 'print the stack of an error')
    .addHelpText('after', '\nExamples:\n  $ moect doctor\n  $ moect doctor --json --threads 1\n')
    .action(async ({ threads, json }: { readonly threads?: number; readonly json?: boolean }) => {
      const found = await examine(threads === undefined ? {} : { threads });
      if (json === true) io.out(`${JSON.stringify(found, null, 2)}\n`);
      else print(found, io);
      done(found.chosen === null ? EXIT.unavailable : EXIT.ok);
    });
}
