import { describe, expect, it } from 'vitest';
import { InvalidConfigError } from './errors.ts';
import {
  boolean,
  checkedOptions,
  number,
  oneOf,
  optional,
  orNull,
  problemsOf,
  readOptions,
  strings,
  unknownKeys,
} from './options.ts';

describe('number', () => {
  it.each([
    [number(), [0, -1.5], [Number.NaN, Number.POSITIVE_INFINITY, '1', null, undefined]],
    [number({ min: 1, integer: true }), [1, 7], [0, 1.5]],
    [number({ min: 0, max: 1 }), [0, 1], [-0.1, 1.1]],
    [number({ above: 0, below: 1 }), [0.5], [0, 1]],
    [number({ above: 0, infinite: true }), [1, Number.POSITIVE_INFINITY], [0, Number.NaN]],
  ])('takes what fits and nothing else (%#)', (check, good, bad) => {
    for (const value of good) expect(check(value), String(value)).toBeNull();
    for (const value of bad) expect(check(value), String(value)).not.toBeNull();
  });

  it('says what would fit and what was given', () => {
    expect(number({ min: 1, integer: true })(0.5)).toBe('must be a whole number from 1, is 0.5');
    expect(number({ min: 0, max: 1 })(Number.NaN)).toBe('must be a number from 0 up to 1, is NaN');
    expect(number({ above: 0, below: 1 })(2)).toBe('must be a number above 0, below 1, is 2');
    expect(number({ above: 0 })(undefined)).toBe('must be a number above 0, is undefined');
    expect(orNull(number({ min: 0 }))(-1)).toBe('must be null or a number from 0, is -1');
  });
});

it('combines checks', () => {
  expect([orNull(boolean)(null), optional(boolean)(undefined), boolean(true)]).toEqual([null, null, null]);
  expect([orNull(boolean)(undefined), optional(boolean)(null)]).not.toContain(null);
  expect(oneOf('a', 1)('b')).toBe('must be one of "a", 1, is "b"');
  expect(strings(['a'])).toBeNull();
  expect(strings(['a', 1])).toBe('must be a list of strings, is ["a",1]');
});

it('lists problems in the order of the checks, and leaves other keys alone', () => {
  const given = { b: 'x', a: 0, other: 1 };
  const checks = { a: number({ min: 1 }), b: boolean };
  expect(problemsOf(given, checks).map(({ path }) => path)).toEqual(['a', 'b']);
  expect(unknownKeys(given, ['a', 'b'])).toEqual([
    { path: 'other', message: 'is not known; known are a, b' },
  ]);
});

describe('options with defaults', () => {
  const fields = {
    size: { default: 4, check: number({ min: 1 }) },
    name: { default: 'x', check: oneOf('x', 'y') },
  };

  it('fills in what is absent or undefined', () => {
    expect(readOptions({ size: undefined as never, name: 'y' }, fields)).toEqual({
      options: { size: 4, name: 'y' },
      problems: [],
    });
  });

  it('throws every problem at once, unknown keys first', () => {
    const given = { size: 0, name: 'z', colour: 1 };
    const wrong = (): unknown => checkedOptions<{ size: number; name: string }>('Part', given, fields);
    expect(wrong).toThrow(InvalidConfigError);
    expect(wrong).toThrow(/Part has 3 problem.*colour.*size.*name/s);
  });
});
