import type { Tensor } from '@moect/core';
import { AddInto, hasKernel, runKernel } from '@moect/kernels';
import { asTf, fromTf, tf } from '../tf.ts';

/**
 * Adds `more` to `totals`, tensor by tensor, and disposes the operands that are no longer needed. Where the backend
 * can, it adds in place to values that no other tensor shares, and to many tensors at once.
 * @param totals as many tensors as `more`, of the same shapes
 * @returns the sums, in their order
 */
export function accumulate(totals: readonly Tensor[], more: readonly Tensor[]): Tensor[] {
  const canAdd = hasKernel(AddInto);
  const isOwn = totals.map((x) => canAdd && tf.backend().refCount(asTf(x).dataId) === 1);
  const own = totals.flatMap((x, i) => (isOwn[i] ? [[x, more[i]!] as const] : []));
  if (own.length > 0) {
    runKernel(AddInto, { total: own.map(([total]) => total), added: own.map(([, added]) => added) });
  }
  return totals.map((total, i) => {
    const added = more[i]!;
    const sum = isOwn[i] ? total : fromTf(tf.add(asTf(total), asTf(added)));
    added.dispose();
    if (!isOwn[i]) total.dispose();
    return sum;
  });
}
