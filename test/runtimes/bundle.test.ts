import { describe, expect, it } from 'vitest';
import { bundleForBrowser } from '../support/bundle.ts';

const ENTRIES = [
  '@moect/core',
  '@moect/core/options',
  '@moect/kernels',
  '@moect/kernels/host',
  '@moect/kernels/tfjs-gradients',
  '@moect/tensor',
  '@moect/backend-wasm',
  '@moect/backend-wasm/thread',
  '@moect/backend-webgpu',
  '@moect/backend-node',
  '@moect/safetensors',
  '@moect/models',
  '@moect/router',
  '@moect/freeze',
  '@moect/experts',
  '@moect/data',
  '@moect/trainer',
  '@moect/eval',
  '@moect/report',
  'moect/browser',
];

const bundle = (entry: string): Promise<Uint8Array> =>
  bundleForBrowser(`export * from '${entry}';`, import.meta.dirname);

describe('bundled for browsers', () => {
  it.each(ENTRIES)('%s needs no module of Node', async (entry) => {
    expect((await bundle(entry)).length).toBeGreaterThan(100);
  });

  it.each([
    '@moect/safetensors/node',
    '@moect/models/node',
    '@moect/data/node',
    '@moect/trainer/node',
    '@moect/report/node',
  ])('%s does need them, and the bundler says so', async (entry) => {
    await expect(bundle(entry)).rejects.toThrow(/node:/);
  });
});
