import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { initBackend } from '@moect/tensor';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { makeText, makeTinyBase } from '../../../../packages/moect/src/testing/make-tiny-base.ts';

const PROGRAM = fileURLToPath(new URL('./index.ts', import.meta.url));
const OLD = ['the', 'cat', 'sat', 'on', 'a', 'mat', 'with', 'two', 'dogs'];
const NEW = ['watu', 'wote', 'wamezaliwa', 'huru', 'hadhi', 'na', 'haki'];

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'moect-demo-real-'));
  await initBackend('wasm');
  await makeTinyBase(path.join(folder, 'base'));
  await makeText(path.join(folder, 'new.txt'), NEW, 60);
  await makeText(path.join(folder, 'old.txt'), OLD, 60, 2);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** Runs the program; sends it a signal as soon as its output holds `until`. */
function demo(args: readonly string[], until?: () => Promise<boolean>): Promise<Ended> {
  const own = ['--base', 'base', '--text', 'swh_Latn=new.txt', '--replay', 'eng_Latn=old.txt'];
  const child = spawn(
    process.execPath,
    ['--conditions=@moect/source', '--import', 'tsx', PROGRAM, ...own, '--output', 'out', ...args],
    { cwd: fileURLToPath(new URL('../..', import.meta.url)), env: { ...process.env, INIT_CWD: folder } },
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
  (await stat(path.join(folder, 'out', name)).catch(() => null))?.mtimeMs ?? 0;

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
  const report = JSON.parse(await readFile(path.join(folder, 'out/report.json'), 'utf8'));
  const trained = report.methods.map((method: { trainedTokens: number }) => method.trainedTokens);
  expect(new Set(trained).size).toBe(1);

  const third = await demo(tokens);
  expect(third.code).toBe(0);
  expect(await changed('results/measuring-ct.json')).toBeLessThan(await changed('report.json'));
  expect(await demo(['--tokens', '50'])).toMatchObject({
    code: 64,
    err: expect.stringMatching(/other tokens/),
  });
}, 300_000);
