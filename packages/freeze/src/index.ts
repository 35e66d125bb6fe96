export {
  assertUnchanged,
  createFormerParameterDigest,
  createParameterDigest,
  digestEachParameter,
  digestParameters,
  type ParameterDigest,
  ParametersChangedError,
} from './digest.ts';
export { countParameters, freezeMatching, type Partition, partition } from './partition.ts';
export { sha256Hex } from './sha256.ts';
