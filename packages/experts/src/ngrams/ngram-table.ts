import { CorruptDataError } from '@moect/core';

/**
 * Counts of the tokens that followed each context of a text: the contexts as a tree, nearest token first.
 * Node n is the context of node `parents[n]` with `tokens[n]` in front of it; −1 is the empty context. Nodes are sorted by
 * level, parent and token; the tokens that followed node n are `next[starts[n] … starts[n + 1])`, ascending.
 */
export interface NgramTable {
  /** [nodes] */
  readonly parents: Int32Array;
  /** [nodes] */
  readonly tokens: Int32Array;
  /** [nodes + 1] */
  readonly starts: Int32Array;
  /** [entries] */
  readonly next: Int32Array;
  /** [entries], from 1 */
  readonly counts: Int32Array;
}

/** Token ids of a document in order; `predicted[i]` is 1 where token i is counted as one that follows. */
export interface CountedDocument {
  readonly ids: ArrayLike<number>;
  /** null: all but the first. */
  readonly predicted: ArrayLike<number> | null;
}

export interface CountOptions {
  /** Tokens of the longest context, from 2; shorter ones than 2 are no evidence for a language. */
  readonly contextLength: number;
  /** Most whole numbers that the table may hold: rarer contexts are left out, the longest first. */
  readonly maxNumbers: number;
}

/** Shortest context with counts: single tokens are shared by too many languages. */
const SHORTEST_CONTEXT = 2;

/** Stands between documents; no context reaches over it. */
const BORDER = -1;

interface Text {
  readonly stream: Int32Array;
  /** Positions of counted tokens. */
  readonly positions: Int32Array;
}

function layOut(documents: readonly CountedDocument[]): Text {
  const length = documents.reduce((sum, { ids }) => sum + ids.length + 1, 0);
  const stream = new Int32Array(length);
  const positions: number[] = [];
  let at = 0;
  for (const { ids, predicted } of documents) {
    stream[at++] = BORDER;
    for (let i = 0; i < ids.length; i++) {
      if (predicted === null ? i > 0 : predicted[i] === 1) positions.push(at);
      stream[at++] = ids[i]!;
    }
  }
  return { stream, positions: Int32Array.from(positions) };
}

/** Whether `length` tokens of the same document stand before a position. */
function hasContext({ stream }: Text, position: number, length: number): boolean {
  for (let back = 1; back <= length; back++) if (stream[position - back] === BORDER) return false;
  return true;
}

/** Order of two positions by their contexts, nearest token first. */
function compareContexts(stream: Int32Array, a: number, b: number, length: number): number {
  for (let back = 1; back <= length; back++) {
    const difference = stream[a - back]! - stream[b - back]!;
    if (difference !== 0) return difference;
  }
  return 0;
}

/** A context with the tokens that followed it. */
interface Context {
  /** A position behind it. */
  readonly position: number;
  readonly next: readonly number[];
  readonly counts: readonly number[];
}

/** Contexts of one length, sorted. */
function contextsOf(text: Text, length: number): Context[] {
  const { stream } = text;
  const sorted = text.positions
    .filter((position) => hasContext(text, position, length))
    .sort((a, b) => compareContexts(stream, a, b, length) || stream[a]! - stream[b]!);
  const contexts: Context[] = [];
  for (let i = 0; i < sorted.length; ) {
    const position = sorted[i]!;
    const [next, counts]: [number[], number[]] = [[], []];
    for (; i < sorted.length && compareContexts(stream, position, sorted[i]!, length) === 0; i++) {
      const token = stream[sorted[i]!]!;
      if (next.at(-1) === token) counts[counts.length - 1]!++;
      else {
        next.push(token);
        counts.push(1);
      }
    }
    contexts.push({ position, next, counts });
  }
  return contexts;
}

/** Joins the levels to a tree; a context whose shorter one is missing is left out. */
function treeOf({ stream }: Text, levels: readonly (readonly Context[])[]): NgramTable {
  const [parents, tokens, starts]: [number[], number[], number[]] = [[], [], [0]];
  const [next, counts]: [number[], number[]] = [[], []];
  const add = (parent: number, token: number, context: Context | null): number => {
    parents.push(parent);
    tokens.push(token);
    if (context !== null) {
      next.push(...context.next);
      counts.push(...context.counts);
    }
    starts.push(next.length);
    return parents.length - 1;
  };
  // nodes of the level above, with a position behind each
  let above: { readonly node: number; readonly position: number }[] = [];
  for (const { position } of levels[0] ?? []) {
    if (above.length > 0 && compareContexts(stream, above.at(-1)!.position, position, 1) === 0) continue;
    above.push({ node: add(-1, stream[position - 1]!, null), position });
  }
  levels.forEach((contexts, i) => {
    const length = SHORTEST_CONTEXT + i;
    const level: typeof above = [];
    let parent = 0;
    for (const context of contexts) {
      const { position } = context;
      const order = (): number => compareContexts(stream, above[parent]!.position, position, length - 1);
      while (parent < above.length && order() < 0) parent++;
      if (parent === above.length) break;
      if (order() > 0) continue;
      level.push({ node: add(above[parent]!.node, stream[position - length]!, context), position });
    }
    above = level;
  });
  return {
    parents: Int32Array.from(parents),
    tokens: Int32Array.from(tokens),
    starts: Int32Array.from(starts),
    next: Int32Array.from(next),
    counts: Int32Array.from(counts),
  };
}

/** Whole numbers that a table holds. */
export const numbersIn = ({ parents, next }: Pick<NgramTable, 'parents' | 'next'>): number =>
  3 * parents.length + 1 + 2 * next.length;

/** Counts the tokens that followed each context of two tokens up to the longest. Equal text gives equal tables. */
export function countNgrams(
  documents: readonly CountedDocument[],
  { contextLength, maxNumbers }: CountOptions,
): NgramTable {
  const text = layOut(documents);
  const least = Array.from({ length: contextLength - SHORTEST_CONTEXT + 1 }, () => 1);
  const levels = least.map((_, i) => contextsOf(text, SHORTEST_CONTEXT + i));
  for (let table = treeOf(text, levels); ; table = treeOf(text, levels)) {
    if (numbersIn(table) <= maxNumbers) return table;
    // the longest of the levels that lost least
    const i = least.lastIndexOf(Math.min(...least));
    least[i]! *= 2;
    levels[i] = levels[i]!.filter(({ counts }) => counts.reduce((a, b) => a + b, 0) >= least[i]!);
  }
}

const isAscending = (values: Int32Array, from: number, to: number): boolean => {
  for (let i = from + 1; i < to; i++) if (values[i]! <= values[i - 1]!) return false;
  return true;
};

/** Throws CorruptDataError for a table that was not made by `countNgrams` for this vocabulary. */
export function checkNgramTable(table: NgramTable, vocabSize: number, source: string): void {
  const { parents, tokens, starts, next, counts } = table;
  const nodes = parents.length;
  const problem = ((): string | null => {
    if (tokens.length !== nodes || starts.length !== nodes + 1 || counts.length !== next.length)
      return `has ${nodes} parents, ${tokens.length} tokens, ${starts.length} starts, ${next.length} next tokens and ${counts.length} counts`;
    if (starts[0] !== 0 || starts[nodes] !== next.length) return 'has starts beyond its entries';
    for (let n = 0; n < nodes; n++) {
      const [parent, begin, end] = [parents[n]!, starts[n]!, starts[n + 1]!];
      const before = n === 0 ? -1 : parents[n - 1]!;
      if (parent >= n || parent < before) return `has node ${n} below node ${parent}`;
      if (parent === before && n > 0 && tokens[n]! <= tokens[n - 1]!) return `has node ${n} twice`;
      if (end < begin || !isAscending(next, begin, end)) return `has unsorted tokens behind node ${n}`;
    }
    const outside = [tokens, next].flatMap((ids) => ids.find((id) => id < 0 || id >= vocabSize) ?? []);
    if (outside.length > 0) return `has token ${outside[0]}, the vocabulary ${vocabSize}`;
    return counts.every((count) => count >= 1) ? null : 'has a count below 1';
  })();
  if (problem !== null) throw new CorruptDataError(source, problem, 'Take the file as moect wrote it.');
}
