#!/usr/bin/env node
import { runCli } from './cli/program.ts';

// `moect … | head` closes the pipe early, which is no error
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  // a terminal that was closed: the run still saves its state
  if (error.code !== 'EIO') throw error;
});
// messages that nobody can read any more must not end a run
process.stderr.on('error', () => undefined);

process.exitCode = await runCli(process.argv.slice(2));
