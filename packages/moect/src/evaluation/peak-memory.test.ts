import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fixture } from 'moect-test-support/fixtures';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runProcess } from '../testing/run-cli.ts';

/** SmolLM2-135M-Instruct as GGUF, from `npm run get:smollm2`; the model is not in the repository. */
const MODEL = process.env['MOECT_SMOLLM2_GGUF'];

/** What the whole process may hold, in kB: a laptop of 4 GB has this much beside its browser. */
const LIMIT = 1.5e6;

/** Says at the end of a process how much it has held at most, kB. */
const SAY_PEAK = `process.on('exit', () => process.stderr.write('\\npeak ' + process.resourceUsage().maxRSS));`;

if (MODEL === undefined) {
  console.warn('The memory of scoring is not tested on SmolLM2: MOECT_SMOLLM2_GGUF names no file.');
}

describe.skipIf(MODEL === undefined)(
  'SmolLM2 in a process of its own holds at most 1.5 GB',
  { timeout: 900_000 },
  () => {
    let folder: string;
    /** English words, 60 kB. */
    let text: string;
    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), 'moect-peak-'));
      const lines = (await readFile(fixture('before-front-door/eng_Latn.txt'), 'utf8')).split('\n');
      text = Array.from({ length: 6e4 / 30 }, (_, i) => lines[(i * 7) % lines.length]).join(' ');
    });
    afterAll(() => rm(folder, { recursive: true }));

    /** Documents of so many characters, one a record. */
    async function records(name: string, count: number, characters: number): Promise<string> {
      const documents = Array.from({ length: count }, (_, i) =>
        text.slice(i * characters, (i + 1) * characters),
      );
      const file = join(folder, name);
      await writeFile(file, documents.map((document) => `${JSON.stringify({ text: document })}\n`).join(''));
      return file;
    }

    async function moect(...args: readonly string[]): Promise<number> {
      const { code, stderr } = await runProcess([...args, '--backend', 'wasm'], SAY_PEAK);
      expect(code, stderr).toBe(0);
      const peak = Number(/peak (\d+)$/.exec(stderr)![1]);
      console.log(`moect ${args[0]}: ${Math.round(peak / 1000)} MB`);
      return peak;
    }

    it('while one long document is scored', async () => {
      const file = await records('long.jsonl', 1, 12_000);
      expect(await moect('eval', '--base', MODEL!, '--text', `eng_Latn=${file}`)).toBeLessThan(LIMIT);
    });

    it('while a pack is trained, and while 40 documents are scored under base and pack', async () => {
      const pack = join(folder, 'run');
      const learned = await records('learned.jsonl', 20, 1000);
      const training = [
        '--base',
        MODEL!,
        '--text',
        `swh_Latn=${learned}`,
        '--tokens',
        '1000',
        '--output',
        pack,
      ];
      expect(await moect('train', ...training)).toBeLessThan(LIMIT);
      const scored = await records('scored.jsonl', 40, 200);
      const scoring = ['--base', MODEL!, '--extension', join(pack, 'extension'), '--output', folder];
      expect(await moect('compare', ...scoring, '--text', `swh_Latn=${scored}`)).toBeLessThan(LIMIT);
    });
  },
);
