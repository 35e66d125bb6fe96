export interface LoadStatistics {
  /** Largest load ÷ mean load: 1 when balanced, numExperts when one expert has all. */
  readonly imbalance: number;
  /** Standard deviation ÷ mean of the loads (population). */
  readonly coefficientOfVariation: number;
  /** Entropy of the shares ÷ log(numExperts): 1 when balanced, 0 when one expert has all; 1 for a single expert. */
  readonly entropy: number;
  /** Experts that got less than `deadShare` of the fair share. */
  readonly deadExperts: readonly number[];
}

/** Largest load ÷ mean load; 1 without any load. */
export function loadImbalance(tokensPerExpert: ArrayLike<number>): number {
  const loads = Array.from(tokensPerExpert);
  const mean = loads.reduce((a, b) => a + b, 0) / loads.length;
  return mean === 0 ? 1 : Math.max(...loads) / mean;
}

/**
 * Measures how evenly a router loads its experts. Sum the counts over steps first: single batches are noisy.
 * @param tokensPerExpert [numExperts] assignments, padding excluded
 * @param deadShare part of the fair share under which an expert counts as dead
 */
export function loadStatistics(tokensPerExpert: ArrayLike<number>, deadShare = 0.01): LoadStatistics {
  const loads = Array.from(tokensPerExpert);
  const total = loads.reduce((a, b) => a + b, 0);
  const mean = total / loads.length;
  if (total === 0) {
    return {
      imbalance: 1,
      coefficientOfVariation: 0,
      entropy: 1,
      deadExperts: loads.map((_, expert) => expert),
    };
  }
  const variance = loads.reduce((sum, load) => sum + (load - mean) ** 2, 0) / loads.length;
  const nats = loads.reduce(
    (sum, load) => (load === 0 ? sum : sum - (load / total) * Math.log(load / total)),
    0,
  );
  return {
    imbalance: Math.max(...loads) / mean,
    coefficientOfVariation: Math.sqrt(variance) / mean,
    entropy: loads.length === 1 ? 1 : nats / Math.log(loads.length),
    deadExperts: loads.flatMap((load, expert) => (load < deadShare * mean ? [expert] : [])),
  };
}
