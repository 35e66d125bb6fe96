import type { BaseModel } from '@moect/core';
import { type BackendName, selectBackend, testBackends } from '@moect/tensor/testing';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { checkConfig, checkContract, checkRefusals, checkRoundTrip } from './method-attach-checks.ts';
import type { AnyMethod, MethodCase, RefusedConfig } from './method-case.ts';
import {
  checkBatch,
  checkCache,
  checkCausality,
  checkFresh,
  checkInferenceRng,
} from './method-pass-checks.ts';
import { checkLeaks, checkRandomNumbers, checkTraining } from './method-training-checks.ts';

export interface MethodSuite {
  readonly create: () => AnyMethod;
  /** A small base of random weights, with logits of order 1 and room for 64 positions; the suite disposes it. */
  readonly createBase: () => BaseModel;
  /** Default: the method's own settings. */
  readonly config?: object;
  /** For the names of the tests. Default: the method's. */
  readonly name?: string;
  /** A fresh extension changes no bit of the logits. Default false: only rounding differs. */
  readonly isExactAtStart?: boolean;
  /** Configurations that must be refused, besides unknown options. */
  readonly refuses?: readonly RefusedConfig[];
  /** Default: all backends of this machine. */
  readonly backends?: readonly BackendName[];
}

/**
 * Registers vitest tests that every method must pass: a configuration that attaches again, all problems of a wrong one
 * at once, a fresh extension that equals the base, gradients for trained parameters only, a base without a changed
 * byte, causality, independence of batch, padding and packing, caching, parameters that survive files, random numbers
 * that come from the pass alone, no leaks.
 */
export function testMethod(suite: MethodSuite): void {
  const { create, createBase, config = {}, isExactAtStart = false, refuses = [] } = suite;
  const { name = create().name, backends = testBackends() } = suite;

  describe.each(backends)(`method ${name} on %s`, (backend) => {
    let base: BaseModel;
    beforeAll(async () => {
      await selectBackend(backend);
      base = createBase();
    });
    afterAll(() => base.dispose());
    const on = (check: (methodCase: MethodCase) => Promise<void>) => (): Promise<void> =>
      check({ method: create(), base, config, isExactAtStart, refuses });

    it('makes an extension with parameters of its own', on(checkContract));
    it(
      'attaches again from its own configuration, with the same numbers from the same seed',
      on(checkConfig),
    );
    it('refuses wrong configurations with every problem at once', on(checkRefusals));
    it('is the base at the start (law 2)', on(checkFresh));
    it('trains its own parameters only, and all of them (laws 1 and 4)', on(checkTraining));
    it('is causal (law 6)', on(checkCausality));
    it('gives a sequence the same logits alone, padded and packed (law 7)', on(checkBatch));
    it('decodes with a cache as without', on(checkCache));
    it('computes the same from parameters that were in files', on(checkRoundTrip));
    it('draws random numbers from the pass alone, the same again on the way back', on(checkRandomNumbers));
    it('depends on no random numbers and roles outside training', on(checkInferenceRng));
    it('leaks nothing', on(checkLeaks));
  });
}
