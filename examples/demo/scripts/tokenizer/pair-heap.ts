/** Two neighbouring symbols and the number of their occurrences. */
export interface SymbolPair {
  readonly left: number;
  readonly right: number;
  count: number;
}

/** More frequent first; then by symbol ids, so that training is deterministic. */
function before(a: SymbolPair, b: SymbolPair): boolean {
  if (a.count !== b.count) return a.count > b.count;
  return a.left !== b.left ? a.left < b.left : a.right < b.right;
}

/** Binary heap of snapshots: the caller checks whether a popped count still holds. */
export class PairHeap {
  readonly #items: SymbolPair[] = [];

  push(pair: SymbolPair): void {
    const items = this.#items;
    let i = items.push(pair) - 1;
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (!before(pair, items[parent]!)) break;
      items[i] = items[parent]!;
      i = parent;
    }
    items[i] = pair;
  }

  pop(): SymbolPair | undefined {
    const items = this.#items;
    const top = items[0];
    const last = items.pop();
    if (top === undefined || last === undefined || items.length === 0) return top;
    let i = 0;
    for (;;) {
      let child = 2 * i + 1;
      if (child >= items.length) break;
      if (child + 1 < items.length && before(items[child + 1]!, items[child]!)) child++;
      if (!before(items[child]!, last)) break;
      items[i] = items[child]!;
      i = child;
    }
    items[i] = last;
    return top;
  }
}
