import { NoMatchingParameterError } from '@moect/core';
import { dispose, selectBackend, zeros } from '@moect/tensor';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { globToRegExp } from './glob.ts';
import { countParameters, freezeMatching, partition } from './partition.ts';

type Parameters = Map<string, ReturnType<typeof zeros>>;

describe('globs over parameter names', () => {
  it.each([
    ['model.layers.*.mlp.up_proj.weight', 'model.layers.12.mlp.up_proj.weight', true],
    ['*.weight', 'lm_head.weight', true],
    ['*.weight', 'model.norm.weight', false],
    ['**.weight', 'model.norm.weight', true],
    ['**', 'model.norm.weight', true],
    ['model.layers.?.**', 'model.layers.3.mlp.up_proj.weight', true],
    ['model.layers.?.**', 'model.layers.13.mlp.up_proj.weight', false],
    ['**.{q,v}_proj.weight', 'model.layers.0.self_attn.v_proj.weight', true],
    ['**.{q,v}_proj.weight', 'model.layers.0.self_attn.k_proj.weight', false],
    ['model.norm', 'model.norm.weight', false],
    ['model.norm.weight', 'modelXnorm.weight', false],
    ['a+(b)[c]', 'a+(b)[c]', true],
    ['a,b', 'a', false],
    ['{a', '{a', true],
    ['**.{q_*,mlp.**}', 'x.mlp.up.weight', true],
  ])('%s on %s is %s', (glob, name, expected) => {
    expect(globToRegExp(glob).test(name)).toBe(expected);
  });
});

describe('partition', () => {
  let parameters: Parameters;
  beforeAll(async () => {
    await selectBackend('cpu');
    parameters = new Map(
      ['model.embed.weight', 'model.layers.0.mlp.up.weight', 'model.layers.0.norm.weight'].map((name) => [
        name,
        zeros([2, 3]),
      ]),
    );
  });
  afterAll(() => dispose(parameters));

  it('keeps order and loses nothing', () => {
    const { matching, rest } = partition(parameters, ['**.norm.*', 'model.embed.weight']);
    expect([...matching.keys()]).toEqual(['model.embed.weight', 'model.layers.0.norm.weight']);
    expect([...rest.keys()]).toEqual(['model.layers.0.mlp.up.weight']);
  });

  it('freezes what matches and nothing else', () => {
    const { frozen, trainable } = freezeMatching(parameters, ['model.layers.**']);
    expect(frozen.size).toBe(2);
    expect([...trainable.keys()]).toEqual(['model.embed.weight']);
  });

  it('names every pattern that matches nothing, and shows what names look like', () => {
    const given = ['**', 'model.layer.*', 'head'];
    expect(() => partition(parameters, given)).toThrow(NoMatchingParameterError);
    expect(() => partition(parameters, given)).toThrow(/model\.layer\.\*, head.*model\.embed\.weight/);
  });

  it('counts a tied tensor once', () => {
    expect(countParameters(parameters)).toBe(18);
    const tied = new Map([...parameters, ['lm_head.weight', parameters.get('model.embed.weight')!]]);
    expect(countParameters(tied)).toBe(18);
  });
});
