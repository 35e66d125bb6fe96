import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { askedModel, SMOLLM2_GENERATION } from '../cases/smollm2.ts';
import { type Contender, serve } from './serve.ts';

const PROGRAM = new URL('../../../packages/moect/bin/moect.js', import.meta.url);

// a process's peak is known only to itself here, so it tells it as it ends
const REPORT_PEAK =
  "import { writeSync } from 'node:fs';" +
  "process.on('exit', () => writeSync(3, String(process.resourceUsage().maxRSS)));";

/** `moect generate` as users start it: built, with the default threads, from the shell's call to its end. */
async function create(): Promise<Contender> {
  const base = askedModel();
  if (!existsSync(new URL('../dist/cli.js', PROGRAM))) throw new Error('moect is not built: npm run build');
  const { prompt } = SMOLLM2_GENERATION;
  const args = ['generate', '--base', base, '--prompt', prompt, '--max-new-tokens', '1'];
  const preload = ['--import', `data:text/javascript,${encodeURIComponent(REPORT_PEAK)}`];
  let peak = 0;
  return {
    peakRssBytes: () => peak,
    async step() {
      const child = spawn(process.execPath, [...preload, fileURLToPath(PROGRAM), ...args], {
        stdio: ['ignore', 'pipe', 'ignore', 'pipe'],
      });
      const [made, kilobytes, [code]] = await Promise.all([
        text(child.stdout!),
        text(child.stdio[3] as Readable),
        once(child, 'close'),
      ]);
      if (code !== 0) throw new Error(`moect generate ended with code ${code}`);
      if (made.trimEnd().length <= prompt.length) throw new Error('moect generate added nothing');
      peak = Math.max(peak, Number(kilobytes) * 1024);
      // there is nothing that another contender would share
      return Number.NaN;
    },
  };
}

serve(create);
