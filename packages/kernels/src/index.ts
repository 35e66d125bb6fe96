export { type AttentionInputs, attentionInputs } from './attention-inputs.ts';
export { asTf, asVariable, fromTf } from './casts.ts';
export { decodeBfloat16, encodeBfloat16 } from './frozen/bfloat16.ts';
export {
  type CompressedStorage,
  type CompressedValues,
  compressValues,
  type FrozenStorage,
  widenValues,
} from './frozen/compressed-values.ts';
export {
  type GatePriorInputs,
  gatePriorInputs,
  gateWeightGradInputs,
  gateWeightInputs,
} from './gate-inputs.ts';
export { inputsOf, type KernelCall, lastSize, numberAttr, sizeOf, type TakeInput } from './kernel-inputs.ts';
export { linearCrossEntropyOperands } from './linear-cross-entropy-operands.ts';
export { choiceInputs, type RouterLossInputs, routerLossInputs } from './router-inputs.ts';
