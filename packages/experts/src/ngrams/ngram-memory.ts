import { logSumExp, type TokenMemory, type TokenMemoryReader } from '@moect/core';
import type { NgramTable } from './ngram-table.ts';

/** What is taken from counts of 1, 2 and more, and left to the model, in texts too short to tell. */
const USUAL_DISCOUNTS: Discounts = [0.75, 1.1, 1.4];
/**
 * Counts that the model's own probabilities are worth beside those of a context, one member each; ∞ is the model alone.
 * Which is right depends on base, language and text, and is learnt within a text.
 */
const MODEL_COUNTS: readonly number[] = [Number.POSITIVE_INFINITY, 1, 4, 16];
/** Weights of these members before the first token: the model alone loses at most 1 bit a text. */
const PRIORS: readonly number[] = [1 / 2, 1 / 6, 1 / 6, 1 / 6];

type Discounts = readonly [one: number, two: number, more: number];

/**
 * Discounts that leave a text held out from itself likeliest, from how many counts are 1, 2, 3 and 4 (modified
 * Kneser–Ney, Chen & Goodman 1999): Dᵢ = i − (i + 1) · Y · nᵢ₊₁ ÷ nᵢ, Y = n₁ ÷ (n₁ + 2 · n₂).
 */
function discountsFrom([n1, n2, n3, n4]: readonly [number, number, number, number]): Discounts {
  const y = n1 / (n1 + 2 * n2);
  const found: Discounts = [1 - (2 * y * n2) / n1, 2 - (3 * y * n3) / n2, 3 - (4 * y * n4) / n3];
  return found.every((value, i) => value > 0 && value < i + 1) ? found : USUAL_DISCOUNTS;
}

/** Nodes by their parents, for lookup. */
interface Tree {
  readonly table: NgramTable;
  /** Of contexts of each length, from 0. */
  readonly discounts: readonly Discounts[];
  /** Children of node n are the nodes `children[n + 1] … children[n + 2]`; of the empty context, from `children[0]`. */
  readonly children: Int32Array;
}

function treeOf(table: NgramTable): Tree {
  const { parents } = table;
  const children = new Int32Array(parents.length + 2);
  for (const parent of parents) children[parent + 2]!++;
  for (let i = 1; i < children.length; i++) children[i]! += children[i - 1]!;
  return { table, children, discounts: discountsOf(table) };
}

/** Discounts of contexts of each length, from 0 tokens. */
function discountsOf({ parents, starts, counts }: NgramTable): Discounts[] {
  const lengths = new Uint8Array(parents.length);
  const tallies: [number, number, number, number][] = [[0, 0, 0, 0]];
  for (const [node, parent] of parents.entries()) {
    const length = 1 + (parent < 0 ? 0 : lengths[parent]!);
    lengths[node] = length;
    if (tallies.length === length) tallies.push([0, 0, 0, 0]);
    for (let i = starts[node]!; i < starts[node + 1]!; i++) {
      if (counts[i]! <= 4) tallies[length]![counts[i]! - 1]!++;
    }
  }
  return tallies.map(discountsFrom);
}

const discountOf = (discounts: Discounts, count: number): number => discounts[Math.min(count, 3) - 1]!;

/** Index of a value in a sorted part; −1 where it is not. */
function indexIn(values: Int32Array, value: number, from: number, to: number): number {
  let [low, high] = [from, to];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (values[middle]! < value) low = middle + 1;
    else high = middle;
  }
  return low < to && values[low] === value ? low : -1;
}

/** How the probabilities of one context are made from those of the shorter one. */
interface Level {
  /** Its entries in the table. */
  readonly from: number;
  readonly to: number;
  /** Sum of the counts, and of what is taken from them. */
  readonly total: number;
  readonly taken: number;
  readonly discounts: Discounts;
}

function levelAt({ table, discounts }: Tree, node: number, length: number): Level {
  const [from, to] = [table.starts[node]!, table.starts[node + 1]!];
  const own = discounts[length]!;
  let [total, taken] = [0, 0];
  for (let i = from; i < to; i++) {
    total += table.counts[i]!;
    taken += discountOf(own, table.counts[i]!);
  }
  return { from, to, total, taken, discounts: own };
}

/** Contexts with counts that fit the tokens read last, the shortest first. */
function matches(tree: Tree, recent: readonly number[]): Level[] {
  const { table, children } = tree;
  const levels: Level[] = [];
  let node = -1;
  for (let length = 1; length <= recent.length; length++) {
    const token = recent[recent.length - length]!;
    node = indexIn(table.tokens, token, children[node + 1]!, children[node + 2]!);
    if (node < 0) break;
    if (table.starts[node]! < table.starts[node + 1]!) levels.push(levelAt(tree, node, length));
  }
  return levels;
}

const shareOfModel = ({ total, taken }: Level, modelCount: number): number =>
  (modelCount + taken) / (total + modelCount);

class Reader implements TokenMemoryReader {
  readonly #tree: Tree;
  readonly #contextLength: number;
  readonly #recent: number[] = [];
  #logWeights: readonly number[] = PRIORS.map(Math.log);
  #levels: readonly Level[] = [];

  constructor(tree: Tree, contextLength: number) {
    this.#tree = tree;
    this.#contextLength = contextLength;
  }

  skip(token: number): void {
    this.#recent.push(token);
    if (this.#recent.length > this.#contextLength) this.#recent.shift();
    this.#levels = matches(this.#tree, this.#recent);
  }

  read(token: number, logProb: number): number {
    // without a match the model's own bits stay
    if (this.#levels.length === 0) {
      this.skip(token);
      return logProb;
    }
    const joint = MODEL_COUNTS.map((modelCount, m) => {
      const { share, counted } = this.#partsOf(token, modelCount);
      const mixed = counted === 0 ? logProb + Math.log(share) : Math.log(counted + share * Math.exp(logProb));
      return this.#logWeights[m]! + mixed;
    });
    const mixed = logSumExp(joint) - logSumExp(this.#logWeights);
    this.#logWeights = joint;
    this.skip(token);
    return mixed;
  }

  /** Probability of a token: that of the counts, and the share of the model's. */
  #partsOf(token: number, modelCount: number): { readonly share: number; readonly counted: number } {
    if (modelCount === Number.POSITIVE_INFINITY) return { share: 1, counted: 0 };
    const { next, counts } = this.#tree.table;
    let [share, counted] = [1, 0];
    for (const level of this.#levels) {
      const factor = shareOfModel(level, modelCount);
      const at = indexIn(next, token, level.from, level.to);
      share *= factor;
      counted *= factor;
      if (at < 0) continue;
      const left = counts[at]! - discountOf(level.discounts, counts[at]!);
      counted += left / (level.total + modelCount);
    }
    return { share, counted };
  }

  mix(logProbs: Float64Array): Float64Array {
    const [shortest] = this.#levels;
    if (shortest === undefined) return logProbs.slice();
    const normalizer = logSumExp(this.#logWeights);
    const weights = this.#logWeights.map((weight) => Math.exp(weight - normalizer));
    const { next } = this.#tree.table;
    const weigh = (token: number, part: 'share' | 'counted'): number =>
      MODEL_COUNTS.reduce((sum, count, m) => sum + weights[m]! * this.#partsOf(token, count)[part], 0);
    const logShare = Math.log(weigh(next[shortest.from]!, 'share'));
    const mixed = logProbs.map((value) => value + logShare);
    // what followed a longer context followed the shorter one too
    for (let i = shortest.from; i < shortest.to; i++) {
      const token = next[i]!;
      mixed[token] = Math.log(Math.exp(mixed[token]!) + weigh(token, 'counted'));
    }
    return mixed;
  }
}

function longestContext({ parents }: NgramTable): number {
  let length = 0;
  for (let node = parents.length - 1; node >= 0; node = parents[node]!) length++;
  return length;
}

/**
 * An n-gram model whose back-off is the language model: p(v | c) = max(n(c, v) − D, 0) ÷ (n(c) + θ) +
 * (θ + Σ D) ÷ (n(c) + θ) · p(v | shorter c), and the shortest context falls back on the language model (interpolated
 * modified Kneser–Ney discounts D, Chen & Goodman 1999, without its lower orders). θ is mixed over several values and ∞
 * by the likelihood of the text so far, so a text loses at most 1 bit against the language model alone. Contexts that the
 * text never had change nothing.
 */
export function ngramMemory(table: NgramTable): TokenMemory {
  const tree = treeOf(table);
  const contextLength = longestContext(table);
  return { contract: 'token-memory/1', name: 'ngrams', start: () => new Reader(tree, contextLength) };
}
