import { fork } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { build } from 'esbuild';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { EXCEPTIONS } from './exceptions.ts';
import { counts, lost, type SpecOutcome } from './outcomes.ts';

let folder = '';
let cpu: SpecOutcome[] = [];

/** tfjs-core's modules lack file extensions, so Node cannot load them as they are. */
async function bundle(): Promise<void> {
  await build({
    entryPoints: [path.join(import.meta.dirname, 'runner.ts')],
    outfile: path.join(folder, 'runner.cjs'),
    bundle: true,
    platform: 'node',
    format: 'cjs',
    conditions: ['@moect/source'],
    // the ES modules, so that specs, kernels and our backend share one engine
    mainFields: ['module', 'main'],
    // tfjs-core declares its specs to be free of side effects
    ignoreAnnotations: true,
    logLevel: 'warning',
  });
}

/** Runs all specs in a process of its own. */
function runSpecs(...args: string[]): Promise<SpecOutcome[]> {
  return new Promise((resolve, reject) => {
    const child = fork(path.join(folder, 'runner.cjs'), args, {
      execArgv: [],
      // tfjs-core resets the engine around every suite: threads would be started hundreds of times
      env: { ...process.env, MOECT_THREADS: '1' },
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    let errors = '';
    child.stderr!.on('data', (text: Buffer) => {
      errors += text.toString();
    });
    child.on('message', (outcomes) => resolve(outcomes as SpecOutcome[]));
    child.on('exit', (code) => reject(new Error(`specs on ${args}: process ended with ${code}\n${errors}`)));
  });
}

/** Specs that pass on cpu but fail on our backend, without the exceptions. */
async function lostBy(...args: string[]): Promise<string[]> {
  const outcomes = await runSpecs('moect-wasm', ...args);
  console.log(`cpu: ${counts(cpu)}; moect-wasm ${args}: ${counts(outcomes)}`);
  return lost(cpu, outcomes)
    .filter(({ name }) => !EXCEPTIONS.has(name))
    .map(({ name, message }) => `${name}: ${message}`);
}

beforeAll(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'tfjs-suite-'));
  await bundle();
  cpu = await runSpecs('cpu');
}, 300_000);

afterAll(() => rm(folder, { recursive: true, force: true }));

test('the specs of tfjs-core run', () => {
  expect(cpu.filter(({ status }) => status === 'passed').length).toBeGreaterThan(4000);
});

test('exceptions name specs that exist', () => {
  const names = new Set(cpu.map(({ name }) => name));
  expect([...EXCEPTIONS.keys()].filter((name) => !names.has(name))).toEqual([]);
});

test('what passes on cpu passes on moect-wasm', { timeout: 300_000 }, async () => {
  expect(await lostBy()).toEqual([]);
});

test('and with every operation on three threads, in poisoned memory', { timeout: 300_000 }, async () => {
  expect(await lostBy('strict')).toEqual([]);
});
