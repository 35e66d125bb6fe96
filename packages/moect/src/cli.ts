#!/usr/bin/env node
import { runCli } from './cli/program.ts';

// `moect … | head` closes the pipe early, which is no error
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});

process.exitCode = await runCli(process.argv.slice(2));
