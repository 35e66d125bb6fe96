import { registerActivations } from './activations.ts';
import { registerCausalAttention } from './causal-attention.ts';
import { registerCrossEntropy } from './cross-entropy.ts';
import { registerGroupedMatMul } from './grouped-mat-mul.ts';
import { registerNorms } from './norms.ts';
import { registerOptimizer } from './optimizer.ts';
import { registerRope } from './rope.ts';

/** Our operations in few of TensorFlow's; what has none here runs in its composed form. */
export function registerKernels(): void {
  registerActivations();
  registerCausalAttention();
  registerCrossEntropy();
  registerGroupedMatMul();
  registerNorms();
  registerOptimizer();
  registerRope();
}
