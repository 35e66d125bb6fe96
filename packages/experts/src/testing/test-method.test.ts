import type { BaseModel, Extension, Tensor } from '@moect/core';
import { InvalidConfigError } from '@moect/core';
import { add, clone, fill, keep, mean, mul, variable } from '@moect/tensor';
import { selectBackend } from '@moect/tensor/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loraCt } from '../methods/lora-ct.ts';
import { checkConfig, checkContract, checkRefusals } from './method-attach-checks.ts';
import type { AnyMethod, MethodCase } from './method-case.ts';
import { checkBatch, checkCausality, checkFresh, checkInferenceRng } from './method-pass-checks.ts';
import { checkLeaks, checkRandomNumbers, checkTraining } from './method-training-checks.ts';
import { tinyLlama } from './tiny-models.ts';

type Head = NonNullable<Extension['attachments']['head']>;

/** LoRA with an error. */
function spoiled(change: (extension: Extension, base: BaseModel) => Extension): AnyMethod {
  const sound = loraCt();
  return { ...sound, attach: (base, config, rng) => change(sound.attach(base, config, rng), base) };
}

const withHead = (head: Head): AnyMethod =>
  spoiled((extension) => ({ ...extension, attachments: { ...extension.attachments, head } }));

const shifted = (logits: Tensor, axis: number): Tensor => add(logits, mul(mean(logits, axis, true), 0.5));

const withIdleParameter = spoiled((extension) => {
  const idle = variable(fill([1], 1));
  const dispose = (): void => {
    extension.dispose();
    idle.dispose();
  };
  return { ...extension, parameters: new Map([...extension.parameters, ['idle', idle]]), dispose };
});

const withFirstProblemOnly: AnyMethod = {
  ...loraCt(),
  attach: (base, config, rng) => {
    try {
      return loraCt().attach(base, config, rng);
    } catch (error) {
      if (!(error instanceof InvalidConfigError)) throw error;
      throw new InvalidConfigError('lora-ct', error.problems.slice(0, 1));
    }
  },
};

let draws = 0;

const faults: readonly [string, AnyMethod, (methodCase: MethodCase) => Promise<void>][] = [
  ['is another model at the start', withHead((_, logits) => mul(logits, 1.01)), checkFresh],
  ['looks ahead', withHead((_, logits) => shifted(logits, 1)), checkCausality],
  ['sees padding and other documents', withHead((_, logits) => shifted(logits, 1)), checkBatch],
  ['has a parameter that nothing uses', withIdleParameter, checkTraining],
  ['forgets its settings', spoiled((extension) => ({ ...extension, config: { rank: 3 } })), checkConfig],
  ['names one problem at a time', withFirstProblemOnly, checkRefusals],
  ['keeps its tensors', spoiled((extension) => ({ ...extension, dispose: () => undefined })), checkContract],
  ['leaks', withHead((_, logits) => clone(keep(clone(logits)))), checkLeaks],
  ['draws from elsewhere', withHead((_, logits) => mul(logits, 1 + draws++ / 64)), checkRandomNumbers],
  [
    'reads roles outside training',
    withHead((_, logits, { roles }) => (roles ? mul(logits, 2) : logits)),
    checkInferenceRng,
  ],
];

describe('testMethod', () => {
  let base: BaseModel;
  beforeAll(async () => {
    await selectBackend('wasm');
    base = tinyLlama();
  });
  afterAll(() => base.dispose());

  it.each(faults)('finds a method that %s', async (_, method, check) => {
    await expect(check({ method, base, config: {}, isExactAtStart: true, refuses: [] })).rejects.toThrow();
  });
});
