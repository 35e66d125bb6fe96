// Columns of a matrix by their numbers: the logits of some tokens.

/** y[r][j] = x[r][ids[j]] of rows begin..end: x has `width` columns, y has n. */
export function takeColumns(x: usize, ids: usize, y: usize, width: i32, n: i32, begin: i32, end: i32): void {
  for (let r = begin; r < end; r++) {
    const from = x + ((<usize>r * <usize>width) << 2);
    const to = y + ((<usize>r * <usize>n) << 2);
    for (let j: usize = 0; j < <usize>n; j++) {
      store<f32>(to + (j << 2), load<f32>(from + (<usize>load<i32>(ids + (j << 2)) << 2)));
    }
  }
}

/** x[r][ids[j]] += y[r][j] of rows begin..end, with distinct ids: x has `width` columns, y has n. */
export function addToColumns(x: usize, ids: usize, y: usize, width: i32, n: i32, begin: i32, end: i32): void {
  for (let r = begin; r < end; r++) {
    const to = x + ((<usize>r * <usize>width) << 2);
    const from = y + ((<usize>r * <usize>n) << 2);
    for (let j: usize = 0; j < <usize>n; j++) {
      const at = to + (<usize>load<i32>(ids + (j << 2)) << 2);
      store<f32>(at, load<f32>(at) + load<f32>(from + (j << 2)));
    }
  }
}
