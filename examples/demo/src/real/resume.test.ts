import { spawn } from 'node:child_process';
import { readFile, stat } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { makeTinyWorld, type TinyWorld } from '../../../../packages/moect/src/testing/tiny-world.ts';

const PROGRAM = fileURLToPath(new URL('./index.ts', import.meta.url));

let world: TinyWorld;
beforeAll(async () => {
  world = await makeTinyWorld();
});
afterAll(() => world.remove());

interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** Runs the program; sends it a signal as soon as its output holds `until`. */
function demo(args: readonly string[], until?: () => Promise<boolean>): Promise<Ended> {
  const own = ['--base', 'base', '--text', 'swh_Latn=swh_Latn.txt', '--replay', 'eng_Latn=eng_Latn.txt'];
  const child = spawn(
    process.execPath,
    ['--conditions=@moect/source', '--import', 'tsx', PROGRAM, ...own, '--output', 'out', ...args],
    { cwd: fileURLToPath(new URL('../..', import.meta.url)), env: { ...process.env, INIT_CWD: world.at() } },
  );
  let [out, err] = ['', ''];
  child.stdout.on('data', (piece: Buffer) => {
    out += piece.toString();
  });
  child.stderr.on('data', (piece: Buffer) => {
    err += piece.toString();
  });
  const timer = setInterval(async () => {
    if (until === undefined || !(await until())) return;
    clearInterval(timer);
    child.kill('SIGINT');
  }, 50);
  return new Promise((resolve) => {
    child.once('close', (code) => {
      clearInterval(timer);
      resolve({ code, out, err });
    });
  });
}

const changed = async (name: string): Promise<number> =>
  (await stat(world.at('out', name)).catch(() => null))?.mtimeMs ?? 0;

it('is interrupted, goes on without doing anything twice, and ends with a table and a report', async () => {
  const tokens = ['--tokens', '40000'];
  // the first method is trained, the second has begun
  const first = await demo(tokens, async () => (await changed('runs/ct/events.jsonl')) > 0);
  expect(first).toMatchObject({ code: 130, err: expect.stringContaining('the same command goes on') });
  const done = await changed('results/training-lora-ct.json');
  expect(done).toBeGreaterThan(0);
  expect(await changed('results/training-ct.json')).toBe(0);

  const second = await demo(tokens);
  expect(second).toMatchObject({ code: 0, err: expect.stringMatching(/ left {2}\[\d of \d, .+ left\]/) });
  expect(await changed('results/training-lora-ct.json')).toBe(done);
  for (const method of ['lora-ct', 'ct', 'moe-ct', 'moe-ct-mixture']) {
    expect(second.out).toMatch(new RegExp(`^${method} .* bits .* M .* MB `, 'm'));
  }
  expect(second.out).toMatch(/Mixture: at most .* bit a document worse/);
  const report = JSON.parse(await readFile(world.at('out/report.json'), 'utf8'));
  for (const { trainedTokens } of report.methods) {
    // the last step may go over
    expect(trainedTokens).toBeGreaterThanOrEqual(40_000);
    expect(trainedTokens).toBeLessThan(40_400);
  }

  const third = await demo(tokens);
  expect(third.code).toBe(0);
  expect(await changed('results/measuring-ct.json')).toBeLessThan(await changed('report.json'));
  expect(await demo(['--tokens', '50'])).toMatchObject({
    code: 64,
    err: expect.stringMatching(/other tokens/),
  });
}, 300_000);
