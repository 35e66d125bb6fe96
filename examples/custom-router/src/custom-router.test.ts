import { testRouter } from '@moect/router/testing';
import { describe, expect, it } from 'vitest';
import { cosineRouter } from './cosine-router.ts';

testRouter({ create: () => cosineRouter({ topK: 2 }) });

describe('cosineRouter', () => {
  it('refuses a scale that is not positive', () => {
    expect(() => cosineRouter({ topK: 2, scale: 0 })).toThrow(/scale: must be above 0/);
  });
});
