export { assertUnchanged, digestEachParameter, digestParameters, ParametersChangedError } from './digest.ts';
export { countParameters, freezeMatching, type Partition, partition } from './partition.ts';
