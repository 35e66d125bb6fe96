export {
  normalizeWeights,
  temperatureWeights,
  uniMaxAllocation,
  uniMaxWeights,
} from './mixing/weights.ts';
