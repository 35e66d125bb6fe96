import { byteCharacters, gpt2Pieces } from './byte-alphabet.ts';
import { PairHeap } from './pair-heap.ts';

export interface TrainedBpe {
  /** Symbols by id: special tokens, the 256 bytes, then one per merge. */
  readonly tokens: readonly string[];
  readonly merges: readonly (readonly [left: string, right: string])[];
}

interface Word {
  symbols: number[];
  readonly count: number;
}

const encoder = new TextEncoder();
const pairKey = (left: number, right: number): number => left * 0x10000 + right;

function countWords(texts: Iterable<string>, firstByteId: number): Word[] {
  const counts = new Map<string, number>();
  for (const text of texts) {
    for (const piece of text.match(gpt2Pieces) ?? []) counts.set(piece, (counts.get(piece) ?? 0) + 1);
  }
  return [...counts].map(([piece, count]) => ({
    symbols: Array.from(encoder.encode(piece), (byte) => firstByteId + byte),
    count,
  }));
}

/** Counts of each pair of neighbours, and the words where it has occurred (some may have lost it). */
class PairTable {
  readonly counts = new Map<number, number>();
  readonly words = new Map<number, Set<Word>>();

  add(key: number, word: Word): void {
    this.counts.set(key, (this.counts.get(key) ?? 0) + word.count);
    const words = this.words.get(key);
    if (words === undefined) this.words.set(key, new Set([word]));
    else words.add(word);
  }

  /** Replaces every occurrence of the pair by `merged`. Returns the keys of the pairs that this creates. */
  merge(left: number, right: number, merged: number): Set<number> {
    const created = new Set<number>();
    const key = pairKey(left, right);
    for (const word of this.words.get(key)!) {
      const before = word.symbols;
      const after = replacePair(before, left, right, merged);
      if (after.length === before.length) continue;
      word.symbols = after;
      for (let i = 1; i < before.length; i++) this.#count(pairKey(before[i - 1]!, before[i]!), -word.count);
      for (let i = 1; i < after.length; i++) {
        const other = pairKey(after[i - 1]!, after[i]!);
        if (after[i - 1] === merged || after[i] === merged) {
          this.add(other, word);
          created.add(other);
        } else {
          this.#count(other, word.count);
        }
      }
    }
    this.words.delete(key);
    return created;
  }

  #count(key: number, change: number): void {
    this.counts.set(key, this.counts.get(key)! + change);
  }
}

function replacePair(symbols: readonly number[], left: number, right: number, merged: number): number[] {
  const replaced: number[] = [];
  for (let i = 0; i < symbols.length; i++) {
    const found = symbols[i] === left && symbols[i + 1] === right;
    replaced.push(found ? merged : symbols[i]!);
    if (found) i++;
  }
  return replaced;
}

/**
 * Byte-level BPE (Sennrich et al. 2016 on GPT-2's bytes and pieces): the most frequent pair of neighbouring
 * symbols becomes a new symbol, until `vocabSize` is reached or no pair occurs twice. Ties go to lower ids.
 */
export function trainByteLevelBpe(
  texts: Iterable<string>,
  options: { readonly vocabSize: number; readonly specialTokens: readonly string[] },
): TrainedBpe {
  const tokens = [...options.specialTokens, ...byteCharacters];
  const table = new PairTable();
  for (const word of countWords(texts, options.specialTokens.length)) {
    for (let i = 1; i < word.symbols.length; i++) {
      table.add(pairKey(word.symbols[i - 1]!, word.symbols[i]!), word);
    }
  }
  const heap = new PairHeap();
  const offer = (key: number): void =>
    heap.push({ left: key >> 16, right: key & 0xffff, count: table.counts.get(key)! });
  for (const key of table.counts.keys()) offer(key);

  const merges: [string, string][] = [];
  while (tokens.length < options.vocabSize) {
    const pair = heap.pop();
    if (pair === undefined) break;
    const key = pairKey(pair.left, pair.right);
    const count = table.counts.get(key)!;
    if (count < 2) continue;
    if (count !== pair.count) {
      // counts of known pairs only fall, so the pair goes back to its present place
      offer(key);
      continue;
    }
    const left = tokens[pair.left]!;
    const right = tokens[pair.right]!;
    merges.push([left, right]);
    for (const created of table.merge(pair.left, pair.right, tokens.push(left + right) - 1)) offer(created);
  }
  return { tokens, merges };
}
