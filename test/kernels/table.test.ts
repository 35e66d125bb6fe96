import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import type { Tensor } from '@moect/core';
import { hasKernel, KERNELS, type KernelSpec, runKernel } from '@moect/kernels';
import { dispose } from '@moect/tensor';
import { leakedTensors, selectBackend, testBackends } from '@moect/tensor/testing';
import { beforeAll, describe, expect, it } from 'vitest';
import { exampleCall } from './example-calls.ts';

/** Untyped, because calls are made from the table, not written for the types of a kernel. */
const run = runKernel as (spec: KernelSpec, inputs: object, attrs: object) => readonly Tensor[];

const root = path.resolve(import.meta.dirname, '../..');

it('a kernel of ours is named in the table alone', async () => {
  const names = new RegExp(`\\b(${KERNELS.map(({ name }) => name).join('|')})\\b`);
  const named: string[] = [];
  for (const folder of ['packages', 'test', 'bench/src', 'examples', 'scripts']) {
    for (const file of await readdir(path.join(root, folder), { recursive: true })) {
      if (!/\.[mc]?[jt]s$/.test(file) || /(^|\/)(node_modules|dist|out|\.tmp)\//.test(file)) continue;
      if (names.test(await readFile(path.join(root, folder, file), 'utf8'))) named.push(`${folder}/${file}`);
    }
  }
  expect(named.length).toBeGreaterThan(0);
  expect(named.filter((file) => !file.startsWith('packages/kernels/src/table/'))).toEqual([]);
});

/** Kernels a backend leaves to the composed form. `node` has few, and saves other shapes for its gradients. */
const ABSENT: Readonly<Record<string, readonly string[]>> = {
  wasm: ['ClipScale'],
  webgpu: ['Linear', 'LinearInto', 'LinearGradWeight', 'WeightedRowsGrad'],
};
const READS_OWN = /^Moect(CausalAttention|CrossEntropy)Grad$/;

describe.each(testBackends().filter((name) => name !== 'cpu'))('the kernels of %s', (backend) => {
  beforeAll(async () => {
    await selectBackend(backend);
  });

  it('are those of the table, but for a few', () => {
    const absent = KERNELS.filter((spec) => !hasKernel(spec)).map(({ name }) => name.replace('Moect', ''));
    if (backend in ABSENT) expect(absent.sort()).toEqual([...ABSENT[backend]!].sort());
    else expect(absent.length).toBeLessThan(KERNELS.length);
  });

  it.each(KERNELS.map((spec) => [spec.name, spec] as const))(
    '%s gives what the table says',
    async (_, spec) => {
      if (!hasKernel(spec) || (backend === 'node' && READS_OWN.test(spec.name))) return;
      const leaked = await leakedTensors(async () => {
        const { inputs, attrs, shapes } = exampleCall(spec);
        const results = run(spec, inputs, attrs);
        const isList = spec.outputs.at(-1)?.[0].endsWith('*') === true;
        if (isList) expect(results.length).toBeGreaterThanOrEqual(shapes.length);
        else expect(results.length).toBe(shapes.length);
        for (const [i, shape] of shapes.entries()) {
          const [name, dtype] = spec.outputs[i]!;
          const result = results[i]!;
          expect(result.dtype, name).toBe(dtype);
          if (shape !== null) expect(result.shape, name).toEqual(shape);
          expect((await result.data()).every(Number.isFinite), name).toBe(true);
        }
        dispose([inputs, results]);
      });
      expect(leaked).toBe(0);
    },
  );
});
