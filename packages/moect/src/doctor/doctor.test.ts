import { fileURLToPath } from 'node:url';
import { BACKEND_NAMES } from '@moect/tensor';
import { describe, expect, it } from 'vitest';
import { runProcess } from '../testing/run-cli.ts';
import { checkBackend } from './check-backend.ts';
import { examine } from './examine.ts';
import { newerNodeNote } from './newer-node.ts';

describe('doctor', () => {
  it('measures every backend, checks its gradients and chooses the fast one', async () => {
    const found = await examine({ threads: 1 });
    expect(found.chosen).toBe('wasm');
    expect(found.backends.map(({ name }) => name)).toEqual(BACKEND_NAMES);
    for (const backend of found.backends.filter(({ available }) => available)) {
      expect(backend.gradientError).toBeLessThan(0.01);
      expect(backend.gflops).toBeGreaterThan(0);
    }
    expect(found.findings.filter(({ level }) => level === 'problem')).toEqual([]);
  });

  it('says what is wrong and what to do', async () => {
    const { validate } = WebAssembly;
    WebAssembly.validate = () => false;
    try {
      // another number of threads, so that the backend starts anew
      const check = await checkBackend('wasm', 3);
      expect(check).toMatchObject({ available: false, gflops: null, gradientOk: false });
      expect(check.remedy).toMatch(/Node 20 or newer/);
    } finally {
      WebAssembly.validate = validate;
    }
  });

  it('speaks JSON', async () => {
    const { code, stdout } = await runProcess(['doctor', '--json', '--threads', '1']);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ schema: 'moect-doctor/1', node: process.versions.node });
  });

  it('says when a newer Node would be faster, and only there', () => {
    const at = (node: string, arch = 'x64') => newerNodeNote({ arch, versions: { node } });
    expect(at('20.20.2')).toMatch(/^Node 24 or newer is about 1\.7 times as fast .* this is Node 20\.20\.2$/);
    expect([at('24.0.0'), at('26.1.0'), at('20.20.2', 'arm64'), newerNodeNote({})]).toEqual([
      null,
      null,
      null,
      null,
    ]);
  });

  it('gives the same answer as train where the address space is limited: the reason, and what to do', {
    timeout: 300_000,
  }, async () => {
    // as V8 of Node 20 does under `ulimit -v 8388608`
    const fault = `WebAssembly.Memory = class { constructor() { throw new RangeError('could not allocate memory'); } };`;
    const base = fileURLToPath(new URL('../../../../examples/demo/base', import.meta.url));
    const text = fileURLToPath(new URL('../../README.md', import.meta.url));
    const train = ['train', '--base', base, '--text', `swh_Latn=${text}`, '--format', 'blocks'];
    train.push('--backend', 'wasm', '--plan');
    const [doctor, run] = [await runProcess(['doctor'], fault), await runProcess(train, fault)];
    expect([doctor.code, run.code]).toEqual([69, 69]);
    for (const words of [doctor.stdout, run.stderr]) {
      expect(words).toMatch(
        /no address space for a WebAssembly memory[\s\S]*ulimit -v[\s\S]*--disable-wasm-trap-handler/,
      );
    }
  });
});
