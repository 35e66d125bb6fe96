/** log Σ exp(xᵢ) in float64; −Infinity if there are no terms or all are −Infinity. */
export function logSumExp(values: ArrayLike<number>): number {
  let most = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < values.length; i++) most = Math.max(most, values[i]!);
  if (most === Number.NEGATIVE_INFINITY) return most;
  let total = 0;
  for (let i = 0; i < values.length; i++) total += Math.exp(values[i]! - most);
  return most + Math.log(total);
}
