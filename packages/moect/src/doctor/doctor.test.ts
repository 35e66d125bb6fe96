import { BACKEND_NAMES } from '@moect/tensor';
import { describe, expect, it } from 'vitest';
import { runHere } from '../testing/run-cli.ts';
import { checkBackend } from './check-backend.ts';
import { examine } from './examine.ts';

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
    const { code, stdout } = await runHere(['doctor', '--json', '--threads', '1']);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ schema: 'moect-doctor/1', node: process.versions.node });
  });
});
