import { registerActivations } from './activations.ts';
import { registerAdamW } from './adam-w.ts';
import { registerCausalAttention } from './causal-attention.ts';
import { registerCausalMean } from './causal-mean.ts';
import { registerCrossEntropy } from './cross-entropy.ts';
import { registerEmbedding } from './embedding.ts';
import { registerExpertChoice } from './expert-choice.ts';
import { registerExpertOrder } from './expert-order.ts';
import { registerGate } from './gate.ts';
import { registerGatedBlend } from './gated-blend.ts';
import { registerGroupedMatMul } from './grouped-mat-mul.ts';
import { registerLinear } from './linear.ts';
import { registerLinearCrossEntropy } from './linear-cross-entropy.ts';
import { registerNorms } from './norms.ts';
import { registerRope } from './rope.ts';
import { registerRouterLosses } from './router-losses.ts';

/** Registers the fused training kernels of the wasm backend. */
export function registerFusedKernels(): void {
  registerNorms();
  registerActivations();
  registerRope();
  registerCrossEntropy();
  registerLinear();
  registerLinearCrossEntropy();
  registerEmbedding();
  registerExpertChoice();
  registerRouterLosses();
  registerExpertOrder();
  registerGate();
  registerGatedBlend();
  registerCausalMean();
  registerAdamW();
  registerCausalAttention();
  registerGroupedMatMul();
}
