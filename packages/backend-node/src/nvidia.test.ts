import { describe, expect, it } from 'vitest';
import { gpuObstacle, lookForNvidia, type NvidiaMachine, nvidiaState, whyNoGpu } from './nvidia.ts';

const whole: NvidiaMachine = { driver: '550.54.15', hasDevice: true, hasLibrary: true, isHidden: false };
const bare: NvidiaMachine = { driver: undefined, hasDevice: false, hasLibrary: false, isHidden: false };

describe("why TensorFlow's build for GPUs computes on the CPU", () => {
  it('says that there is no driver, and what this TensorFlow wants', () => {
    expect(gpuObstacle(bare)).toBe('there is no NVIDIA driver');
    expect(whyNoGpu('2.18.1', bare)).toMatch(/^there is no NVIDIA driver; it wants driver 525.*CUDA 12\.5/);
    expect(whyNoGpu('2.9.1', bare)).toMatch(/^there is no NVIDIA driver; .*CUDA 11\.2 and cuDNN 8\.1/);
    expect(whyNoGpu('2.99.0', bare)).toBe('there is no NVIDIA driver');
    // the same where the GPUs are hidden as well
    expect(whyNoGpu('2.18.1', { ...bare, isHidden: true })).toBe(whyNoGpu('2.18.1', bare));
  });

  it('says what else keeps it from a GPU', () => {
    expect(gpuObstacle(whole)).toBeUndefined();
    expect(whyNoGpu('2.18.1', { ...whole, isHidden: true })).toBe('CUDA_VISIBLE_DEVICES hides the GPUs');
    expect(whyNoGpu('2.18.1', { ...whole, hasLibrary: false })).toMatch(
      /driver 550\.54\.15 has no libcuda.*--gpus/,
    );
    expect(whyNoGpu('2.18.1', whole)).toMatch(/driver 550\.54\.15; it wants .*TF_CPP_MIN_LOG_LEVEL/);
  });

  it('tells machines apart whose measured speeds may differ', () => {
    const machines = [bare, whole, { ...whole, hasDevice: false }, { ...whole, isHidden: true }];
    expect(new Set([...machines, { ...whole, driver: '560.28' }].map(nvidiaState)).size).toBe(5);
  });

  it('reads CUDA_VISIBLE_DEVICES', () => {
    const before = process.env['CUDA_VISIBLE_DEVICES'];
    const hides = (value: string): boolean => {
      process.env['CUDA_VISIBLE_DEVICES'] = value;
      return lookForNvidia().isHidden;
    };
    expect(['', '-1', ' -1,0'].map(hides)).toEqual([true, true, true]);
    expect(['0', '1,0', 'GPU-8932f937'].map(hides)).toEqual([false, false, false]);
    delete process.env['CUDA_VISIBLE_DEVICES'];
    expect(lookForNvidia().isHidden).toBe(false);
    if (before !== undefined) process.env['CUDA_VISIBLE_DEVICES'] = before;
  });
});
