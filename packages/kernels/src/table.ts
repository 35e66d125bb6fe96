import type { KernelSpec } from './spec.ts';
import * as activations from './table/activations.ts';
import * as attention from './table/attention.ts';
import * as frozen from './table/frozen.ts';
import * as gate from './table/gate.ts';
import * as losses from './table/losses.ts';
import * as norms from './table/norms.ts';
import * as optimizer from './table/optimizer.ts';
import * as products from './table/products.ts';
import * as router from './table/router.ts';
import * as rows from './table/rows.ts';

/** Every kernel of ours. */
export const KERNELS: readonly KernelSpec[] = [
  norms,
  activations,
  attention,
  products,
  losses,
  rows,
  router,
  gate,
  optimizer,
  frozen,
].flatMap((family): KernelSpec[] => Object.values(family));
