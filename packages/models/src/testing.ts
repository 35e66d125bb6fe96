import type { BaseModel } from '@moect/core';
import { type BackendName, selectBackend, testBackends } from '@moect/tensor/testing';
import { beforeAll, describe, it } from 'vitest';
import {
  checkAttachmentContexts,
  checkAuxiliaryResults,
  checkIdentityAttachments,
  checkUnknownSites,
} from './testing/attachment-checks.ts';
import {
  checkBatchInvariance,
  checkCache,
  checkCausality,
  checkContract,
  checkGradients,
  checkHiddenStates,
  checkLeaks,
  checkOverrides,
  checkPeakMemory,
} from './testing/model-checks.ts';
import { checkLoss, checkRecomputation, checkStartPoints } from './testing/pass-checks.ts';

export interface BaseModelSuite {
  /** A small model with fresh or loaded weights; the suite disposes it. */
  readonly create: () => BaseModel | Promise<BaseModel>;
  /** For the names of the tests. */
  readonly name?: string;
  /** Default: all backends of this machine. */
  readonly backends?: readonly BackendName[];
}

/**
 * Registers vitest tests that every base model must pass: causality, independence of the batch, caching, attachments'
 * inputs and effects, overrides, gradients, start points and leaks. The model must allow 64 positions.
 */
export function testBaseModel(suite: BaseModelSuite): void {
  const { create, name = 'base model', backends = testBackends() } = suite;
  const withModel =
    (check: (model: BaseModel) => Promise<void>): (() => Promise<void>) =>
    async () => {
      const model = await create();
      try {
        await check(model);
      } finally {
        model.dispose();
      }
    };

  describe.each(backends)(`${name} on %s`, (backend) => {
    beforeAll(async () => void (await selectBackend(backend)));
    it('has the fields, sites and errors of the contract', withModel(checkContract));
    it('moves no earlier logit when later tokens change', withModel(checkCausality));
    it('gives a sequence the same logits alone, padded and packed', withModel(checkBatchInvariance));
    it('computes the same with and without a cache', withModel(checkCache));
    it('returns embedding and block outputs as hidden states', withModel(checkHiddenStates));
    it('uses overrides in place of its own weights', withModel(checkOverrides));
    it('gives every parameter a gradient through overrides', withModel(checkGradients));
    it('computes the loss of its logits', withModel(checkLoss));
    it('gives the same gradients when layers run again', withModel(checkRecomputation));
    it('begins in the middle with the bits of the whole pass', withModel(checkStartPoints));
    it('calls attachments in order with what the contract promises', withModel(checkAttachmentContexts));
    it('stays bit-equal under attachments that change nothing', withModel(checkIdentityAttachments));
    it(
      'sums auxiliary losses, and keeps statistics and state only where asked',
      withModel(checkAuxiliaryResults),
    );
    it('refuses attachments to sites that it lacks', withModel(checkUnknownSites));
    it("keeps no block's intermediate results beyond the block", withModel(checkPeakMemory));
    it('leaks nothing', withModel(checkLeaks));
  });
}
