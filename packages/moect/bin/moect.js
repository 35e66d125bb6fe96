#!/usr/bin/env node
// A file that is there before the build, so that npm links it; what it starts is built.
import { existsSync } from 'node:fs';

const program = new URL('../dist/cli.js', import.meta.url);
if (existsSync(program)) await import(program.href);
else {
  process.stderr.write('moect: not built yet. Run: npm run build\n');
  process.exitCode = 70;
}
