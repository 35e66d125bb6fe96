import { registerActivations } from './activations.ts';
import { registerCausalAttention } from './causal-attention.ts';
import { registerCrossEntropy } from './cross-entropy.ts';
import { registerGroupedMatMul } from './grouped-mat-mul.ts';
import { registerNorms } from './norms.ts';
import { registerOptimizer } from './optimizer.ts';
import { registerRope } from './rope.ts';

/** Registers kernels made of few TensorFlow operations; an operation without a kernel here runs composed. */
export function registerKernels(): void {
  registerActivations();
  registerCausalAttention();
  registerCrossEntropy();
  registerGroupedMatMul();
  registerNorms();
  registerOptimizer();
  registerRope();
}
