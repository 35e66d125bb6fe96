import { readFile } from 'node:fs/promises';
import path from 'node:path';
import '@moect/backend-wasm';
import { getKernel, getKernelsForBackend } from '@tensorflow/tfjs-core';
import { expect, it } from 'vitest';

const page = await readFile(path.join(import.meta.dirname, '../../docs/tensorflow-js-backend.md'), 'utf8');

/** Kernel names (capitalised, between backticks) in the section under a heading. */
function kernelsUnder(heading: string): string[] {
  const section = page.split(/^## /m).find((text) => text.startsWith(`${heading}\n`))!;
  const named = [...section.matchAll(/`(\w+)`/g)].map((match) => match[1]!);
  return [...new Set(named.filter((name) => /^_?[A-Z]/.test(name)))].sort();
}

const isOurs = (name: string): boolean =>
  getKernel(name, 'moect-wasm')!.kernelFunc !== getKernel(name, 'cpu')!.kernelFunc;

const names = getKernelsForBackend('moect-wasm')
  .map(({ kernelName }) => kernelName)
  // kernels of TensorFlow.js only, not those that @moect/tensor adds
  .filter((name) => getKernel(name, 'cpu') !== undefined || name === 'LogSoftmax')
  .sort();

it('the page names every kernel of ours', () => {
  const ours = names.filter((name) => name === 'LogSoftmax' || isOurs(name));
  expect(kernelsUnder('Fast operations')).toEqual(ours);
});

it('the page names every kernel that is inherited from cpu', () => {
  const inherited = names.filter((name) => name !== 'LogSoftmax' && !isOurs(name));
  expect(kernelsUnder('Operations that run as cpu kernels')).toEqual(inherited);
});
