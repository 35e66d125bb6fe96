import { beforeAll, expect, test } from 'vitest';
import { fuzzCases } from './fuzz.test-support.ts';
import { compareWithCpu, draws, startWasm } from './test-support.ts';

beforeAll(async () => {
  await startWasm();
});

test.each([1, 2, 3])('1,840 random cases give what the cpu backend gives (seed %i)', async (seed) => {
  expect(await compareWithCpu(fuzzCases(draws(seed), 1840))).toEqual([]);
});
