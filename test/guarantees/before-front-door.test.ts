import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openSafetensors } from '@moect/safetensors/node';
import { dispose, tensor } from '@moect/tensor';
import { maxDifference } from '@moect/tensor/testing';
import { type Base, openBase, openPack, trainConfig } from 'moect';
import { fixture } from 'moect-test-support/fixtures';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

/** Difference by another machine's instructions, which round otherwise; the values are of order 1. */
const TOLERANCE = 1e-5;

const PRESETS = ['moe-ct', 'moe-ct-mixture', 'lora-ct'];

let folder: string;
let base: Base;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'moect-before-'));
  await cp(fixture('before-front-door'), folder, { recursive: true });
  base = await openBase(join(folder, 'base'), { backend: 'wasm', threads: 1 });
});
afterAll(async () => {
  base.dispose();
  await rm(folder, { recursive: true });
});

async function weightsOf(file: string): Promise<Map<string, ArrayLike<number>>> {
  const opened = await openSafetensors(file);
  const weights = new Map<string, ArrayLike<number>>();
  for (const name of opened.entries.keys()) weights.set(name, (await opened.tensor(name)).data);
  await opened.close();
  return weights;
}

describe('what was written before the front door', { timeout: 120_000 }, () => {
  it.each(PRESETS)('an extension loads and gives the same logits: %s', async (preset) => {
    const expected = JSON.parse(await readFile(join(folder, 'expected.json'), 'utf8'));
    const pack = await openPack(base, join(folder, preset, 'extension'));
    const { attachments, overrides } = pack.extension;
    const tokens = tensor(Int32Array.from(expected.tokens), [2, 24], 'int32');
    const { logits } = base.model.forward(tokens, { attachments, overrides, logits: 'last' });
    expect(maxDifference(await logits.data(), expected.lastLogits[preset])).toBeLessThan(TOLERANCE);
    dispose([tokens, logits]);
    pack.dispose();
  });

  it.each(PRESETS)('a run goes on from its checkpoint to the same extension: %s', async (preset) => {
    const file = join(folder, preset, 'resolved.json');
    await writeFile(file, (await readFile(file, 'utf8')).replaceAll('FOLDER', folder));
    const before = await weightsOf(join(folder, preset, 'extension/moect_model.safetensors'));
    let first = 0;
    const onStart = ({ step }: { readonly step: number }): void => {
      first = step;
    };
    const callbacks = [{ contract: 'callback/1', name: 'first', onStart } as const];
    const pack = await trainConfig(file, { resume: true, callbacks });
    expect(first).toBe(6);
    expect(pack.result).toMatchObject({ reason: 'finished', step: 12 });
    pack.dispose();
    const after = await weightsOf(join(folder, preset, 'extension/moect_model.safetensors'));
    expect([...after.keys()]).toEqual([...before.keys()]);
    for (const [name, values] of before) {
      expect(maxDifference(after.get(name)!, values), name).toBeLessThan(TOLERANCE);
    }
  });
});
