import { registerBatchNorm } from './batch-norm.ts';
import { registerBinary } from './binary.ts';
import { registerCompressed } from './compressed.ts';
import { registerCreate } from './create.ts';
import { registerFusedMatMul } from './fused-mat-mul.ts';
import { registerGather } from './gather.ts';
import { registerLogical } from './logical.ts';
import { registerMatMul } from './mat-mul.ts';
import { registerMovement } from './movement.ts';
import { registerReduce } from './reduce.ts';
import { registerUnary } from './unary.ts';

/** Puts the wasm kernels in place of the inherited cpu kernels. */
export function registerKernels(): void {
  registerMatMul();
  registerFusedMatMul();
  registerUnary();
  registerBinary();
  registerLogical();
  registerMovement();
  registerCreate();
  registerReduce();
  registerGather();
  registerBatchNorm();
  registerCompressed();
}
