export type { FfnShape } from './testing/random-ffn.ts';
export { type ExpertSuite, testExpert } from './testing/test-expert.ts';
export { type FusionSuite, testFusion } from './testing/test-fusion.ts';
export { type MethodSuite, testMethod } from './testing/test-method.ts';
