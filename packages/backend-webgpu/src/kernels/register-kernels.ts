import { registerActivations } from './activations.ts';
import { registerAdamW } from './adam-w.ts';
import { registerAddInto } from './add-into.ts';
import { registerCast } from './cast.ts';
import { registerCausalAttention } from './causal-attention.ts';
import { registerCausalMean } from './causal-mean.ts';
import { registerCompressed } from './compressed.ts';
import { registerCrossEntropy } from './cross-entropy.ts';
import { registerElementwise } from './elementwise.ts';
import { registerEmbedding } from './embedding.ts';
import { registerExpertChoice } from './expert-choice.ts';
import { registerExpertOrder } from './expert-order.ts';
import { registerGate } from './gate.ts';
import { registerGatedBlend } from './gated-blend.ts';
import { registerGlobalNorm } from './global-norm.ts';
import { registerGroupedMatMul } from './grouped-mat-mul.ts';
import { registerLinearCrossEntropy } from './linear-cross-entropy.ts';
import { registerMatMul } from './mat-mul.ts';
import { registerNorms } from './norms.ts';
import { registerRope } from './rope.ts';
import { registerRouterLosses } from './router-losses.ts';
import { registerSlicePad } from './slice-pad.ts';
import { registerSplitConcat } from './split-concat.ts';
import { registerStockInParts } from './stock-in-parts.ts';
import { registerSumOuter } from './sum-outer.ts';

let registered = false;

/** Registers our kernels in addition to TensorFlow.js's, under the names that the operations call. */
export function registerKernels(): void {
  if (registered) return;
  registered = true;
  // first: later kernels wrap these, and leave the rest to them
  registerStockInParts();
  registerElementwise();
  registerCast();
  registerSplitConcat();
  registerSlicePad();
  registerSumOuter();
  registerMatMul();
  registerCompressed();
  registerNorms();
  registerActivations();
  registerRope();
  registerCrossEntropy();
  registerLinearCrossEntropy();
  registerEmbedding();
  registerExpertChoice();
  registerRouterLosses();
  registerExpertOrder();
  registerGate();
  registerGatedBlend();
  registerCausalMean();
  registerAdamW();
  registerAddInto();
  registerGlobalNorm();
  registerCausalAttention();
  registerGroupedMatMul();
}
