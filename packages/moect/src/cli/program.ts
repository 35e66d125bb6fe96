import { createRequire } from 'node:module';
import { Command, CommanderError } from 'commander';
import { addCompare } from './commands/compare.ts';
import { addDoctor } from './commands/doctor.ts';
import { addEval } from './commands/eval.ts';
import { addGenerate } from './commands/generate.ts';
import { addTrain } from './commands/train.ts';
import { EXIT, exitCodeOf } from './exit-codes.ts';
import { type Io, processIo } from './io.ts';
import { printError } from './print-error.ts';

const HELP = `
A first run:
  $ moect doctor
  $ moect train --base ./base --text swh_Latn=swahili.txt
  $ moect compare --base ./base --extension run/extension --text run/held-out/*.jsonl
  $ moect generate --base ./base --extension run/extension --prompt "Watu wote"

Exit codes: 0 ok, 1 forgot more than allowed (compare), 64 usage, 65 bad data or configuration,
69 backend unavailable, 70 internal, 75 try again later, 130 interrupted (state saved).
`;

function version(): string {
  // one path is right from src/cli, the other from dist, where the code is bundled
  const require = createRequire(import.meta.url);
  for (const path of ['../../package.json', '../package.json']) {
    try {
      const manifest = require(path) as { name?: string; version: string };
      if (manifest.name === 'moect') return manifest.version;
    } catch {
      // the other path has it
    }
  }
  return 'unknown';
}

function createProgram(io: Io, done: (code: number) => void): Command {
  const program = new Command('moect')
    .description('Teaches a frozen language model new languages without forgetting the old ones.')
    .version(version())
    .addHelpText('after', HELP)
    .showHelpAfterError('Run with --help for the options and examples.')
    .configureOutput({ writeOut: io.out, writeErr: io.err })
    .exitOverride();
  for (const add of [addDoctor, addTrain, addEval, addCompare, addGenerate]) add(program, io, done);
  return program;
}

/**
 * Runs a command line.
 * @param args without the program's own name
 * @returns the exit code
 */
export async function runCli(args: readonly string[], io: Io = processIo): Promise<number> {
  let code: number = EXIT.ok;
  const program = createProgram(io, (given) => {
    code = given;
  });
  try {
    await program.parseAsync([...args], { from: 'user' });
    return code;
  } catch (error) {
    // commander has printed its own message
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    printError(error, io, args.includes('--verbose'));
    return exitCodeOf(error);
  }
}
