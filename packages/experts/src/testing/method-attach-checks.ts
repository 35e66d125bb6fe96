import { type Extension, InvalidConfigError, type Tensor } from '@moect/core';
import { createRng, dispose, memory } from '@moect/tensor';
import { expect } from 'vitest';
import { fromDiskTensors, toDiskTensors } from '../disk-tensors.ts';
import { loadParameters } from '../methods/extension.ts';
import { attach, type MethodCase, passOf, shake, withExtension } from './method-case.ts';
import { logitsOf, tokenBatch } from './passes.ts';

const read = async (x: Tensor): Promise<Float32Array> => Float32Array.from(await x.data());

const shapesOf = ({ parameters }: Extension): [string, number[]][] =>
  [...parameters].map(([name, { shape }]) => [name, [...shape]]);

export async function checkContract(methodCase: MethodCase): Promise<void> {
  const { base, method } = methodCase;
  const before = memory().numTensors;
  await withExtension(methodCase, 0, async (extension) => {
    expect([method.contract, extension.contract]).toEqual(['method/1', 'extension/1']);
    expect(extension.method).toBe(method.name);
    expect(extension.parameters.size).toBeGreaterThan(0);
    const ids = [...extension.parameters.values()].map(({ id }) => id);
    expect(new Set(ids).size, 'a parameter under two names would train twice').toBe(ids.length);
    const frozen = new Set([...base.parameters.values()].map(({ id }) => id));
    expect(ids.filter((id) => frozen.has(id))).toEqual([]);
    for (const [name, { id, shape }] of extension.overrides) {
      expect(shape, name).toEqual(base.parameters.get(name)?.shape);
      expect(ids, name).toContain(id);
    }
  });
  expect(memory().numTensors, 'tensors that the extension left behind').toBe(before);
}

export async function checkConfig(methodCase: MethodCase): Promise<void> {
  await withExtension(methodCase, 0, async (extension) => {
    const onDisk = JSON.parse(JSON.stringify(extension.config));
    expect(onDisk).toEqual(extension.config);
    const again = attach({ ...methodCase, config: onDisk });
    const other = attach({ ...methodCase, config: onDisk }, 8);
    expect(again.config).toEqual(extension.config);
    expect(again.gateThreshold).toBe(extension.gateThreshold);
    expect(shapesOf(again)).toEqual(shapesOf(extension));
    expect(shapesOf(other)).toEqual(shapesOf(extension));
    for (const [name, parameter] of extension.parameters) {
      expect(await read(again.parameters.get(name)!), name).toEqual(await read(parameter));
    }
    again.dispose();
    other.dispose();
  });
}

const unknown = { noSuchOption: 1, anotherOne: 2 };

export async function checkRefusals({ method, base, config, refuses }: MethodCase): Promise<void> {
  const all = [{ config: { ...config, ...unknown }, paths: Object.keys(unknown) }, ...refuses];
  const before = memory().numTensors;
  for (const { config: wrong, paths } of all) {
    let found: unknown = null;
    try {
      method.attach(base, wrong, createRng(7)).dispose();
    } catch (error) {
      found = error;
    }
    const text = JSON.stringify(wrong);
    expect(found, text).toBeInstanceOf(InvalidConfigError);
    const problems = (found as InvalidConfigError).problems.map(({ path }) => path);
    expect(problems.toSorted(), text).toEqual([...paths].sort());
    expect(memory().numTensors, `tensors that refusing ${text} left behind`).toBe(before);
  }
}

export async function checkRoundTrip(methodCase: MethodCase): Promise<void> {
  const { base } = methodCase;
  const tokens = tokenBatch(2, 9, base.vocabSize);
  await withExtension(methodCase, 0.1, async (extension) => {
    const onDisk = toDiskTensors(extension.parameters);
    const loaded = attach(methodCase, 8);
    shake(loaded, 0.3);
    const stacked = fromDiskTensors(onDisk);
    loadParameters(loaded, stacked);
    expect(await logitsOf(base, tokens, passOf(loaded))).toEqual(
      await logitsOf(base, tokens, passOf(extension)),
    );
    dispose([onDisk, stacked]);
    loaded.dispose();
  });
  tokens.dispose();
}
