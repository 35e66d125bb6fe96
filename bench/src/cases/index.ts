import type { BenchCase } from './bench-case.ts';
import { gptSmallTrain } from './gpt-small-case.ts';
import { llamaCases } from './llama-cases.ts';
import { smollm2Cases } from './smollm2.ts';

export const CASES: readonly BenchCase[] = [gptSmallTrain, ...llamaCases, ...smollm2Cases];
