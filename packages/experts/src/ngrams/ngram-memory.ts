import { logSumExp, type TokenMemory, type TokenMemoryReader } from '@moect/core';
import type { NgramTable } from './ngram-table.ts';

/** Share of each count that is left to the model: absolute discounting. */
export const DISCOUNT = 0.8;
/**
 * Counts that the model's own probabilities are worth beside those of a context, one member each; ∞ is the model alone.
 * Which is right depends on base, language and text, and is learnt within a text.
 */
export const MODEL_COUNTS: readonly number[] = [Number.POSITIVE_INFINITY, 1, 4, 16];
/** Weights of these members before the first token: the model alone loses at most 1 bit a text. */
const PRIORS: readonly number[] = [1 / 2, 1 / 6, 1 / 6, 1 / 6];

/** Nodes by their parents, for lookup. */
interface Tree {
  readonly table: NgramTable;
  /** Children of node n are the nodes `children[n + 1] … children[n + 2]`; of the empty context, from `children[0]`. */
  readonly children: Int32Array;
}

function treeOf(table: NgramTable): Tree {
  const { parents } = table;
  const children = new Int32Array(parents.length + 2);
  for (const parent of parents) children[parent + 2]!++;
  for (let i = 1; i < children.length; i++) children[i]! += children[i - 1]!;
  return { table, children };
}

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

/** Nodes with counts that fit the tokens read last, the shortest context first. */
function matches({ table, children }: Tree, recent: readonly number[]): number[] {
  const nodes: number[] = [];
  let node = -1;
  for (let back = recent.length - 1; back >= 0; back--) {
    node = indexIn(table.tokens, recent[back]!, children[node + 1]!, children[node + 2]!);
    if (node < 0) break;
    if (table.starts[node]! < table.starts[node + 1]!) nodes.push(node);
  }
  return nodes;
}

/** How the probabilities of one context are made from those of the shorter one. */
interface Level {
  readonly from: number;
  readonly to: number;
  readonly total: number;
}

function levelsOf({ table }: Tree, nodes: readonly number[]): Level[] {
  return nodes.map((node) => {
    const [from, to] = [table.starts[node]!, table.starts[node + 1]!];
    let total = 0;
    for (let i = from; i < to; i++) total += table.counts[i]!;
    return { from, to, total };
  });
}

const shareOfModel = ({ from, to, total }: Level, modelCount: number): number =>
  modelCount === Number.POSITIVE_INFINITY ? 1 : (modelCount + DISCOUNT * (to - from)) / (total + modelCount);

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
    this.#levels = levelsOf(this.#tree, matches(this.#tree, this.#recent));
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
      if (at >= 0) counted += (counts[at]! - DISCOUNT) / (level.total + modelCount);
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
 * An n-gram model whose back-off is the language model: p(v | c) = max(n(c, v) − d, 0) ÷ (n(c) + θ) +
 * (θ + d · types(c)) ÷ (n(c) + θ) · p(v | shorter c), and the shortest context falls back on the language model
 * (interpolated absolute discounting, Ney, Essen & Kneser 1994; the back-off is Bayesian as in a hierarchical Pitman–Yor
 * model, Teh 2006). θ is mixed over several values and ∞ by the likelihood of the text so far, so a text loses at most 1
 * bit against the language model alone. Contexts that the text never had change nothing.
 */
export function ngramMemory(table: NgramTable): TokenMemory {
  const tree = treeOf(table);
  const contextLength = longestContext(table);
  return { contract: 'token-memory/1', name: 'ngrams', start: () => new Reader(tree, contextLength) };
}
