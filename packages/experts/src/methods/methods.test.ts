import type { AnyMethod } from '../testing/method-case.ts';
import { testMethod } from '../testing/test-method.ts';
import { tinyLlama } from '../testing/tiny-models.ts';
import { fullCt } from './full-ct.ts';
import { loraCt } from './lora-ct.ts';
import { moeCt } from './moe-ct.ts';
import { MOE_CT_MIXTURE, MOE_CT_PAPER } from './moe-ct-config.ts';

interface Case {
  readonly name: string;
  readonly create?: () => AnyMethod;
  readonly config?: object;
  readonly isExactAtStart?: boolean;
}

const small = (size: number): object => ({ expert: { type: 'swiglu', size, init: 'zero-down' } });

const cases: readonly Case[] = [
  { name: 'moe-ct, guarded' },
  { name: 'moe-ct, guarded with attention', config: { attentionRank: 3 } },
  { name: 'moe-ct, guarded with a threshold', config: { fusion: { type: 'guarded', gateThreshold: 0.45 } } },
  {
    name: 'moe-ct, guarded bottleneck on top',
    config: { layers: { top: 2 }, headDelta: 4, ...small(5) },
    isExactAtStart: true,
  },
  { name: 'moe-ct, as published', config: MOE_CT_PAPER },
  { name: 'moe-ct, as published, E = 4', config: { ...MOE_CT_PAPER, numExperts: 4 } },
  { name: 'moe-ct, discrete', config: { fusion: { type: 'discrete' } } },
  { name: 'moe-ct, fixed', config: { fusion: { type: 'fixed', baseWeight: 0.3 } } },
  { name: 'moe-ct, mixture pack', config: MOE_CT_MIXTURE },
  {
    name: 'moe-ct, small pack',
    config: { ...MOE_CT_MIXTURE, numExperts: 1, ...small(6) },
    isExactAtStart: true,
  },
  {
    name: 'moe-ct, rows for tokens on top layers',
    config: {
      ...MOE_CT_MIXTURE,
      layers: { top: 2 },
      tokenRows: [0, 3, 4, 9],
      headDelta: 'auto',
      ...small(6),
    },
    isExactAtStart: true,
  },
  {
    name: 'moe-ct, guarded with rows for tokens',
    config: { tokenRows: [1, 2, 7], headDelta: 3, ...small(5) },
    isExactAtStart: true,
  },
  {
    name: 'moe-ct, noisy router',
    config: { numExperts: 3, router: { type: 'top-k', noise: 'gaussian', balanceLoss: 0.1 } },
  },
  { name: 'lora-ct', create: loraCt, isExactAtStart: true },
  { name: 'ct', create: fullCt, isExactAtStart: true },
];

const refused: Readonly<Record<string, readonly { config: object; paths: readonly string[] }[]>> = {
  'moe-ct, guarded': [
    { config: { numExperts: 0, topK: 1.5, layers: 'some' }, paths: ['numExperts', 'topK', 'layers'] },
    {
      config: { fusion: { type: 'guarded', oldPrior: -1 }, router: { type: 'none' }, layers: [9], topK: 3 },
      paths: ['fusion.oldPrior', 'router.type', 'layers', 'topK'],
    },
    { config: { tokenRows: [3, 3] }, paths: ['tokenRows'] },
    { config: { tokenRows: [3, 100_000] }, paths: ['tokenRows'] },
    { config: { tokenRows: 'used' }, paths: ['tokenRows'] },
  ],
  'lora-ct': [{ config: { rank: 0, targets: ['q_proj', 'nothing'] }, paths: ['rank', 'targets'] }],
  ct: [{ config: { trainable: 3 }, paths: ['trainable'] }],
};

for (const { name, create = moeCt, ...rest } of cases) {
  testMethod({ name, create, createBase: tinyLlama, refuses: refused[name] ?? [], ...rest });
}
