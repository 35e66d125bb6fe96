import { beforeAll, expect, test } from 'vitest';
import { fuzzCases } from './fuzz-cases.ts';
import { compareWithCpu, draws, startWasm } from './test-support.ts';

beforeAll(async () => {
  await startWasm();
});

test.each([1, 2, 3, 4])('2,300 random cases give what the cpu backend gives (seed %i)', async (seed) => {
  expect(await compareWithCpu(fuzzCases(draws(seed), 2300))).toEqual([]);
});
