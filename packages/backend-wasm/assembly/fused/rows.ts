import { addScaled, dot, scaleRow } from './math';

/** y[i] = table[ids[i]], rows begin..end of length d. */
export function gatherRows(table: usize, ids: usize, y: usize, d: i32, begin: i32, end: i32): void {
  const bytes = (<usize>d) << 2;
  for (let i = begin; i < end; i++) {
    const id = <usize>load<i32>(ids + ((<usize>i) << 2));
    memory.copy(y + <usize>i * bytes, table + id * bytes, bytes);
  }
}

/**
 * Stable counting sort of n keys in [0, limit): order lists the slots by key, starts[key] says where
 * a key's slots begin (limit + 1 entries).
 */
export function sortByKey(keys: usize, n: i32, limit: i32, order: usize, starts: usize): void {
  memory.fill(starts, 0, (<usize>limit + 1) << 2);
  for (let i = 0; i < n; i++) {
    const at = starts + ((<usize>load<i32>(keys + ((<usize>i) << 2))) << 2);
    store<i32>(at, load<i32>(at) + 1);
  }
  let total = 0;
  for (let key = 0; key <= limit; key++) {
    const at = starts + ((<usize>key) << 2);
    const count = load<i32>(at);
    store<i32>(at, total);
    total += count;
  }
  for (let i = 0; i < n; i++) {
    const at = starts + ((<usize>load<i32>(keys + ((<usize>i) << 2))) << 2);
    const slot = load<i32>(at);
    store<i32>(at, slot + 1);
    store<i32>(order + ((<usize>slot) << 2), i);
  }
  // every start has moved to its key's end, which is the next key's start
  for (let key = limit; key > 0; key--) {
    store<i32>(starts + ((<usize>key) << 2), load<i32>(starts + ((<usize>key - 1) << 2)));
  }
  store<i32>(starts, 0);
}

/** inverse[order[i]] = i, and the token order[i] / k of each of n slots. */
export function invertOrder(order: usize, inverse: usize, tokens: usize, n: i32, k: i32): void {
  for (let i = 0; i < n; i++) {
    const slot = load<i32>(order + ((<usize>i) << 2));
    store<i32>(inverse + ((<usize>slot) << 2), i);
    store<i32>(tokens + ((<usize>i) << 2), slot / k);
  }
}

/** Gradient of gatherRows: table rows begin..end, each the sum of its slots' dy in slot order. */
export function scatterRows(
  dy: usize,
  order: usize,
  starts: usize,
  out: usize,
  d: i32,
  begin: i32,
  end: i32,
): void {
  const bytes = (<usize>d) << 2;
  for (let key = begin; key < end; key++) {
    const row = out + <usize>key * bytes;
    let slot = load<i32>(starts + ((<usize>key) << 2));
    const last = load<i32>(starts + ((<usize>key + 1) << 2));
    if (slot == last) {
      memory.fill(row, 0, bytes);
      continue;
    }
    memory.copy(row, dy + <usize>load<i32>(order + ((<usize>slot) << 2)) * bytes, bytes);
    for (slot++; slot < last; slot++) {
      addScaled(row, dy + <usize>load<i32>(order + ((<usize>slot) << 2)) * bytes, 1, d);
    }
  }
}

/** out[n] = sum over j < k of weights[n, j] * rows[inverse[n k + j]], n in begin..end; weights 0: all are 1. */
export function combineRows(
  rows: usize,
  inverse: usize,
  weights: usize,
  out: usize,
  k: i32,
  d: i32,
  begin: i32,
  end: i32,
): void {
  const bytes = (<usize>d) << 2;
  for (let n = begin; n < end; n++) {
    const y = out + <usize>n * bytes;
    for (let j = 0; j < k; j++) {
      const at = (<usize>n * <usize>k + <usize>j) << 2;
      const row = rows + <usize>load<i32>(inverse + at) * bytes;
      const weight: f32 = weights == 0 ? 1 : load<f32>(weights + at);
      if (j == 0) scaleRow(y, row, weight, d);
      else addScaled(y, row, weight, d);
    }
  }
}

/** drows[inverse[n k + j]] = weights[n, j] * dy[n]; dweights[n, j] = rows[inverse[n k + j]] . dy[n]. */
export function combineRowsGrad(
  rows: usize,
  inverse: usize,
  weights: usize,
  dy: usize,
  drows: usize,
  dweights: usize,
  k: i32,
  d: i32,
  begin: i32,
  end: i32,
): void {
  const bytes = (<usize>d) << 2;
  for (let n = begin; n < end; n++) {
    const g = dy + <usize>n * bytes;
    for (let j = 0; j < k; j++) {
      const at = (<usize>n * <usize>k + <usize>j) << 2;
      const offset = <usize>load<i32>(inverse + at) * bytes;
      scaleRow(drows + offset, g, load<f32>(weights + at), d);
      store<f32>(dweights + at, dot(rows + offset, g, d));
    }
  }
}

/**
 * Gradients of the weights of products that are summed by token: dweights[n, j] = x . back of their row, back being the
 * gradient of x as if all weights were 1. In place, back [.., d] and dy [.., width] get their weight.
 */
export function weightedRowsGrad(
  x: usize,
  back: usize,
  dy: usize,
  inverse: usize,
  weights: usize,
  dweights: usize,
  k: i32,
  d: i32,
  width: i32,
  begin: i32,
  end: i32,
): void {
  const last = (<usize>end * <usize>k) << 2;
  for (let at = (<usize>begin * <usize>k) << 2; at < last; at += 4) {
    const row = <usize>load<i32>(inverse + at);
    const weight = load<f32>(weights + at);
    const offset = (row * <usize>d) << 2;
    store<f32>(dweights + at, dot(x + offset, back + offset, d));
    scaleRow(back + offset, back + offset, weight, d);
    const g = dy + ((row * <usize>width) << 2);
    scaleRow(g, g, weight, width);
  }
}
