import type { Command } from 'commander';
import type { DoctorCommandOptions } from '../actions/doctor.ts';
import { positiveInteger } from '../arguments.ts';
import type { Io } from '../io.ts';

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
    .action(async (options: DoctorCommandOptions) => {
      const { doctorCommand } = await import('../actions/doctor.ts');
      done(await doctorCommand(options, io));
    });
}
