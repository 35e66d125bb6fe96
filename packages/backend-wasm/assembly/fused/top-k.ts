// NaN counts as the greatest, as in torch.topk, so that it shows in the result
// @ts-ignore: decorator
@inline
function before(a: f32, b: f32): bool {
  return a > b || (a != a && b == b);
}

/** The k greatest of each row of [N, columns] in descending order, ties to the lower index. */
export function topK(
  scores: usize,
  values: usize,
  indices: usize,
  columns: i32,
  k: i32,
  begin: i32,
  end: i32,
): void {
  for (let row = begin; row < end; row++) {
    const x = scores + ((<usize>row * <usize>columns) << 2);
    const v = values + ((<usize>row * <usize>k) << 2);
    const ids = indices + ((<usize>row * <usize>k) << 2);
    let filled = 0;
    for (let i = 0; i < columns; i++) {
      const s = load<f32>(x + ((<usize>i) << 2));
      if (filled == k && !before(s, load<f32>(v + ((<usize>k - 1) << 2)))) continue;
      let at = filled < k ? filled : k - 1;
      while (at > 0 && before(s, load<f32>(v + ((<usize>at - 1) << 2)))) {
        store<f32>(v + ((<usize>at) << 2), load<f32>(v + ((<usize>at - 1) << 2)));
        store<i32>(ids + ((<usize>at) << 2), load<i32>(ids + ((<usize>at - 1) << 2)));
        at--;
      }
      store<f32>(v + ((<usize>at) << 2), s);
      store<i32>(ids + ((<usize>at) << 2), i);
      if (filled < k) filled++;
    }
  }
}
