import { describe, expect, it } from 'vitest';
import type { KernelSpec, Pattern } from './spec.ts';
import { KERNELS } from './table.ts';

const namesOf = ([, ...dimensions]: Pattern): string[] =>
  dimensions.filter((dimension) => typeof dimension === 'string');

/** Names of sizes that a call makes known. */
function known({ inputs, attrs = {}, where = {} }: KernelSpec): Set<string> {
  const names = Object.values(inputs).flatMap(namesOf);
  const sizes = Object.keys(attrs).filter((name) => attrs[name] === 'size');
  const factors = Object.values(where).flatMap((derived) => ('attr' in derived ? [] : derived));
  return new Set([...names, ...sizes, ...Object.keys(where), ...factors.map(String)]);
}

it('no two kernels have one name, and none that TensorFlow.js could have', () => {
  const names = KERNELS.map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
  for (const name of names) expect(name).toMatch(/^Moect[A-Z]\w+$/);
});

describe.each(KERNELS.map((spec) => [spec.name, spec] as const))('%s', (_, spec) => {
  it('gives sizes that follow from what it takes', () => {
    const sizes = known(spec);
    // dimensions that only a backend knows have a `…name` of their own
    const open = (name: string): boolean => name.startsWith('…') && name !== '…';
    for (const [, ...pattern] of spec.outputs) {
      for (const name of namesOf(pattern)) {
        const plain = name.replace('+1', '');
        expect(sizes.has(plain) || sizes.has(name) || open(name), `${name} of ${spec.name}`).toBe(true);
      }
    }
  });

  it('has its list of results last', () => {
    const isList = spec.outputs.map(([name]) => name.endsWith('*'));
    expect(isList.indexOf(true) === -1 || isList.indexOf(true) === isList.length - 1).toBe(true);
  });
});
