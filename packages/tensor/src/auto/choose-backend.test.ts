import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { tensorflowObstacle } from '@moect/backend-node';
import { BackendUnavailableError } from '@moect/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { BackendInfo, BackendName } from '../backend-info.ts';
import { memory, selectBackend } from '../index.ts';
import { fastest, startOnly } from './choose-backend.ts';
import { packageVersion } from './package-version.ts';
import { stepsPerSecond } from './probe.ts';

const { env } = process;

describe('the choice', () => {
  it('puts a GPU first and the faster one next', () => {
    expect(fastest({ 'node cpu': 60, 'wasm cpu': 100 })).toBe('wasm');
    expect(fastest({ 'node cpu': 120, 'wasm cpu': 100 })).toBe('node');
    expect(fastest({ 'node gpu': 60, 'wasm cpu': 100 })).toBe('node');
    expect(fastest({ 'node cpu': 160, 'webgpu gpu': 50, 'wasm cpu': 100 })).toBe('webgpu');
    expect(fastest({})).toBeUndefined();
  });

  const gpu = { name: 'webgpu', fingerprint: 'a GPU' } as const;
  const wasm = { name: 'wasm', fingerprint: '' } as const;
  const started = async (name: BackendName): Promise<BackendInfo> => {
    return { name, device: name === 'webgpu' ? 'gpu' : 'cpu', threads: 1, detail: name };
  };

  it('measures nothing where there is only a GPU beside wasm, and says why there is none', async () => {
    const both = { found: [gpu, wasm], noGpu: null };
    expect(await startOnly(both, started)).toMatchObject({ name: 'webgpu', detail: 'webgpu' });
    const lost = async (name: BackendName): Promise<BackendInfo> => {
      if (name === 'webgpu') throw new BackendUnavailableError('webgpu', 'the device was lost', 'Wait.');
      return started(name);
    };
    expect(await startOnly(both, lost)).toMatchObject({ name: 'wasm', detail: 'wasm; the device was lost' });
    const alone = { found: [wasm], noGpu: 'WebGPU has only a software adapter' };
    expect((await startOnly(alone, started))!.detail).toBe('wasm; WebGPU has only a software adapter');
    const withNode = { found: [{ name: 'node', fingerprint: '1' }, gpu, wasm], noGpu: null } as const;
    expect(await startOnly(withNode, started)).toBeNull();
  });
});

describe('auto', () => {
  const before = { ...env };
  let folder: string;

  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'moect-cache-'));
    env['XDG_CACHE_HOME'] = folder;
    await selectBackend('wasm');
    delete env['MOECT_BACKEND'];
  });
  afterAll(async () => {
    Object.assign(env, before);
    await rm(folder, { recursive: true });
  });

  it('measures once, keeps it and says what it took and why', async () => {
    const tensors = memory().numTensors;
    const first = await selectBackend('auto');
    expect(memory().numTensors).toBe(tensors);
    if (tensorflowObstacle() !== undefined) {
      expect(first).toMatchObject({ name: 'wasm', device: 'cpu' });
      expect(first.detail).not.toContain('measured');
      return;
    }
    expect(first.detail).toMatch(
      /; training steps a second, measured now: node \d+.*, wasm \d+(; WebGPU has .*)?$/,
    );
    const kept = JSON.parse(await readFile(path.join(folder, 'moect/backend-speeds.json'), 'utf8'));
    expect(Object.keys(kept)).toEqual([expect.stringMatching(new RegExp(`^moect ${packageVersion()}; `))]);
    expect(Object.values(kept)).toEqual([{ 'node cpu': expect.any(Number), 'wasm cpu': expect.any(Number) }]);
    const second = await selectBackend('auto');
    expect(second.detail).toContain('measured earlier');
    expect(second.name).toBe(first.name);
  });

  it('takes what MOECT_BACKEND names', async () => {
    env['MOECT_BACKEND'] = 'cpu';
    expect((await selectBackend('auto')).name).toBe('cpu');
    env['MOECT_BACKEND'] = 'gpu';
    await expect(selectBackend('auto')).rejects.toThrow(/MOECT_BACKEND.*must be one of auto, node/s);
    // an explicit name overrides MOECT_BACKEND
    expect((await selectBackend('wasm')).name).toBe('wasm');
  });
});

describe('what is kept', () => {
  it('belongs to a version', async () => {
    const manifest = await readFile(new URL('../../package.json', import.meta.url), 'utf8');
    expect(packageVersion()).toBe(JSON.parse(manifest).version);
  });
});

describe('the probe', () => {
  it('measures the active backend and leaves nothing', async () => {
    await selectBackend('wasm');
    const tensors = memory().numTensors;
    expect(await stepsPerSecond()).toBeGreaterThan(0);
    expect(memory().numTensors).toBe(tensors);
  });
});
