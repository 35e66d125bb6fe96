import { testExpert, testFusion } from '@moect/experts/testing';
import { testRouter } from '@moect/router/testing';
import { describe, expect, it } from 'vitest';
import { lowRankExpert } from '../../examples/custom-expert/parts.mjs';
import { layerWeight } from '../../examples/custom-fusion/parts.mjs';
import { cosineRouter } from '../../examples/custom-router/parts.mjs';

describe('examples/custom-router', () => testRouter({ create: () => cosineRouter({ topK: 2 }) }));
describe('examples/custom-expert', () => testExpert({ create: () => lowRankExpert({ rank: 3 }) }));
describe('examples/custom-fusion', () => testFusion({ create: () => layerWeight() }));

it.each([
  ['scale: must be above 0', () => cosineRouter({ topK: 2, scale: 0 })],
  ['rank: must be a whole number from 1', () => lowRankExpert({ rank: 0 })],
  ['start: must be above 0 and below 1', () => layerWeight({ start: 1 })],
])('they refuse wrong options: %s', (message, create) => {
  expect(create).toThrow(message);
});
