import { exp4 } from '../functions';

// @ts-ignore: decorator
@inline
function exp(x: f32): f32 {
  return f32x4.extract_lane(exp4(f32x4.splat(x)), 0);
}

// @ts-ignore: decorator
@inline
function at(base: usize, i: i32): usize {
  return base + ((<usize>i) << 2);
}

/**
 * Softmax probabilities of the chosen, whose logits are in `weights`; with `renormalize` among the chosen alone.
 * Rows begin..end of [N, columns] and [N, k].
 */
export function chosenWeights(
  logits: usize,
  weights: usize,
  columns: i32,
  k: i32,
  renormalize: i32,
  begin: i32,
  end: i32,
): void {
  for (let row = begin; row < end; row++) {
    const w = at(weights, row * k);
    const top = load<f32>(w);
    const terms = renormalize ? w : at(logits, row * columns);
    const count = renormalize ? k : columns;
    let sum: f32 = 0;
    for (let i = 0; i < count; i++) sum += exp(load<f32>(at(terms, i)) - top);
    for (let j = 0; j < k; j++) store<f32>(at(w, j), exp(load<f32>(at(w, j)) - top) / sum);
  }
}

/** dlogits = s (g - s . g), s the softmax over all or the chosen, g the slope of a chosen one, else 0. */
export function chosenWeightsGrad(
  logits: usize,
  indices: usize,
  dweights: usize,
  dlogits: usize,
  columns: i32,
  k: i32,
  renormalize: i32,
  begin: i32,
  end: i32,
): void {
  for (let row = begin; row < end; row++) {
    const x = at(logits, row * columns);
    const dx = at(dlogits, row * columns);
    const ids = at(indices, row * k);
    const dw = at(dweights, row * k);
    const top = load<f32>(at(x, load<i32>(ids)));
    let all: f32 = 0;
    for (let i = 0; i < columns; i++) {
      const share = exp(load<f32>(at(x, i)) - top);
      store<f32>(at(dx, i), share);
      all += share;
    }
    let chosen: f32 = 0;
    let along: f32 = 0;
    for (let j = 0; j < k; j++) {
      const share = load<f32>(at(dx, load<i32>(at(ids, j))));
      chosen += share;
      along += share * load<f32>(at(dw, j));
    }
    const sum = renormalize ? chosen : all;
    along /= sum;
    gradientRow(dx, ids, dw, columns, k, renormalize, sum, along);
  }
}

/** dx has the unnormalised shares; each becomes its gradient. */
function gradientRow(
  dx: usize,
  ids: usize,
  dw: usize,
  columns: i32,
  k: i32,
  renormalize: i32,
  sum: f32,
  along: f32,
): void {
  for (let i = 0; i < columns; i++) {
    let slope: f32 = 0;
    let isChosen = false;
    for (let j = 0; j < k; j++) {
      if (load<i32>(at(ids, j)) != i) continue;
      slope = load<f32>(at(dw, j));
      isChosen = true;
    }
    const share = load<f32>(at(dx, i)) / sum;
    store<f32>(at(dx, i), isChosen || !renormalize ? share * (slope - along) : 0);
  }
}

/** counts[e] = sum of mask[i / k] over the slots i with indices[i] = e. */
export function countAssignments(indices: usize, mask: usize, counts: usize, slots: i32, k: i32, experts: i32): void {
  memory.fill(counts, 0, (<usize>experts) << 2);
  for (let i = 0; i < slots; i++) {
    const count = at(counts, load<i32>(at(indices, i)));
    store<f32>(count, load<f32>(count) + load<f32>(at(mask, i / k)));
  }
}
