import type { TensorInfo } from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { readerOf } from './read-call.ts';
import type { Check } from './spec.ts';

const tensor = (shape: number[], dtype: TensorInfo['dtype'] = 'float32'): TensorInfo => ({
  dataId: {},
  shape,
  dtype,
});

const NORM = {
  name: 'Norm',
  inputs: { x: ['float32', '…', 'd'], weight: ['float32', 'd'] },
  attrs: { eps: 'number' },
  outputs: [['y', 'float32', '…', 'd']],
} as const;

describe('a call with leading dimensions', () => {
  const read = readerOf(NORM);

  it('is read with its sizes', () => {
    const [x, weight] = [tensor([2, 3, 5]), tensor([5])];
    const call = read({ inputs: { x, weight }, attrs: { eps: 1e-6 } });
    expect(call.inputs).toEqual({ x, weight });
    expect(call.attrs.eps).toBe(1e-6);
    expect(call.dims.d).toBe(5);
    expect(call.rows).toBe(6);
    // without leading dimensions there is one row
    expect(read({ inputs: { x: tensor([5]), weight }, attrs: { eps: 0 } }).rows).toBe(1);
  });

  it.each([
    ['a missing input', { x: tensor([2, 5]) }, 'Norm: weight (missing)'],
    [
      'another size',
      { x: tensor([2, 5]), weight: tensor([4]) },
      'weight has shape [4], expected float32 [5]',
    ],
    ['too few dimensions', { x: tensor([]), weight: tensor([4]) }, 'expected float32 […, d]'],
    ['another dtype', { x: tensor([2, 5]), weight: tensor([5], 'int32') }, 'Cast it to float32 first'],
  ])('refuses %s', (_, inputs, message) => {
    expect(() => read({ inputs, attrs: { eps: 0 } })).toThrow(message);
  });

  it('refuses an attribute of another kind', () => {
    const inputs = { x: tensor([2, 5]), weight: tensor([5]) };
    expect(() => read({ inputs })).toThrow("'eps' must be a number, not undefined");
  });
});

it('the same leading dimensions are wanted of every input that has them', () => {
  const read = readerOf({
    name: 'Two',
    inputs: { a: ['float32', '…', 'd'], b: ['float32', '…', 1], free: ['int32', '…free'] },
    outputs: [],
  } as const);
  const free = tensor([7, 7, 7], 'int32');
  expect(read({ inputs: { a: tensor([2, 3, 4]), b: tensor([2, 3, 1]), free } }).rows).toBe(6);
  const other = { a: tensor([2, 3, 4]), b: tensor([3, 2, 1]), free };
  expect(() => read({ inputs: other })).toThrow('b has shape [3, 2, 1], expected float32 [2, 3, 1]');
});

describe('sizes that follow from others', () => {
  const read = readerOf({
    name: 'Slots',
    inputs: { rows: ['float32', 'slots'], offsets: ['int32', 'experts+1'] },
    attrs: { topK: 'size', experts: 'size' },
    outputs: [],
    where: { slots: ['tokens', 'topK'] },
  } as const);
  const call = (slots: number, offsets: number, topK: unknown = 2): ReturnType<typeof read> =>
    read({
      inputs: { rows: tensor([slots]), offsets: tensor([offsets], 'int32') },
      attrs: { topK, experts: 3 },
    });

  it('are worked out', () => {
    expect(call(6, 4).dims).toMatchObject({ slots: 6, topK: 2, tokens: 3, experts: 3 });
  });

  it('are compared', () => {
    expect(() => call(5, 4)).toThrow('expected a multiple of topK = 2');
    expect(() => call(6, 3)).toThrow('offsets has shape [3], expected int32 [4]');
    expect(() => call(6, 4, 1.5)).toThrow('topK must be an integer of at least 0, not 1.5');
  });

  it('may depend on an attribute', () => {
    const linear = readerOf({
      name: 'Linear',
      inputs: { w: ['float32', 'out', 'in'], x: ['float32', 'k'] },
      attrs: { transpose: 'boolean' },
      outputs: [],
      where: { k: { attr: 'transpose', isFalse: 'in', isTrue: 'out' } },
    } as const);
    const inputs = { w: tensor([2, 3]), x: tensor([3]) };
    expect(linear({ inputs, attrs: { transpose: false } }).dims.k).toBe(3);
    expect(() => linear({ inputs, attrs: { transpose: true } })).toThrow('expected float32 [2]');
  });
});

describe('lists', () => {
  const read = readerOf({
    name: 'Many',
    inputs: { scale: ['float32'], 'weight*': ['float32', 'rows', 'in*'], 'x*': ['float32', 'in*'] },
    attrs: { decays: 'numbers*' },
    outputs: [],
  } as const);
  const items = { weight0: tensor([4, 2]), x0: tensor([2]), weight1: tensor([4, 3]), x1: tensor([3]) };

  it('are read item by item: sizes of an item are its own, others are shared', () => {
    const call = read({ inputs: { scale: tensor([]), ...items }, attrs: { decays: [1, 2] } });
    expect(call.inputs.x).toEqual([items.x0, items.x1]);
    expect(call.dims.rows).toBe(4);
    const uneven = { scale: tensor([]), ...items, weight1: tensor([5, 3]) };
    expect(() => read({ inputs: uneven, attrs: { decays: [1, 2] } })).toThrow('weight1 has shape [5, 3]');
  });

  it('are whole, with an attribute for each item', () => {
    const inputs = { scale: tensor([]), ...items };
    expect(() => read({ inputs, attrs: { decays: [1] } })).toThrow('decays must be 2 numbers');
    const more = { ...inputs, x2: tensor([1]) };
    expect(() => read({ inputs: more, attrs: { decays: [1, 2] } })).toThrow('5 inputs make whole lists');
  });
});

it('what patterns cannot say is checked last', () => {
  const check: Check = ({ kernel, dims }) => {
    if (dims['d'] === 0) throw new RangeError(`${kernel} is empty`);
  };
  const read = readerOf({ name: 'Checked', inputs: { x: ['float32', 'd'] }, outputs: [], check });
  expect(() => read({ inputs: { x: tensor([0]) } })).toThrow('Checked is empty');
});
