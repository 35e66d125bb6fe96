export {
  assertUnchanged,
  createParameterDigest,
  digestEachParameter,
  digestParameters,
  type ParameterDigest,
  ParametersChangedError,
} from './digest.ts';
export { countParameters, freezeMatching, type Partition, partition } from './partition.ts';
