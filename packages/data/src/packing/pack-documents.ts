import { InvalidConfigError } from '@moect/core';
import { number, optional, problemsOf } from '@moect/core/options';
import { Sha256 } from '../hashing/sha256.ts';
import type { TokenCache } from './tokenize-documents.ts';

export interface PackingOptions {
  /** Tokens per sequence. */
  readonly sequenceLength: number;
  /** Inputs before each document, at least one; see `documentFrame`. */
  readonly prefixIds: readonly number[];
  /** Last target of each document, where it is given: the model learns to stop. */
  readonly eosTokenId?: number;
}

/** Sequences of one language; arrays are row-major [count, sequenceLength]. */
export interface PackedSequences {
  readonly sequenceLength: number;
  readonly count: number;
  /** Inputs; 0 in padding. */
  readonly tokens: Int32Array;
  /** Next token of the same document; −1 in padding and where a conversation's is not predicted. */
  readonly targets: Int32Array;
  /** Positions, which restart at 0 with each document and each sequence; 0 in padding. */
  readonly positions: Int32Array;
  /** Number of the document in the token cache; −1 in padding. */
  readonly documentIds: Int32Array;
  readonly documents: number;
  /** Targets in one epoch: the predicted tokens of all documents (and one EOS each, where wanted). */
  readonly targetCount: number;
  /** UTF-8 bytes of the text; of conversations, of their answers. */
  readonly textBytes: number;
  /** SHA-256 over all of it. */
  readonly fingerprint: string;
}

const tokenId = number({ min: 0, integer: true });

function checkOptions(options: PackingOptions): void {
  const { prefixIds = [] } = options;
  const sequenceLength = number({ min: 1, integer: true });
  const problems = problemsOf(options, { sequenceLength, eosTokenId: optional(tokenId) });
  const ids = Object.fromEntries(prefixIds.map((id, i) => [`prefixIds[${i}]`, id]));
  problems.push(...problemsOf(ids, Object.fromEntries(Object.keys(ids).map((key) => [key, tokenId]))));
  if (prefixIds.length === 0) problems.push({ path: 'prefixIds', message: 'is empty, must have an id' });
  if (problems.length > 0) throw new InvalidConfigError('Packing', problems);
}

/** A document's tokens, from its first input to its last target. */
interface Line {
  readonly ids: readonly number[] | Int32Array;
  /** 1 where a token is predicted [ids]. */
  readonly predicted: Uint8Array;
  /** Is not cut where it fits into a sequence. */
  readonly isWhole: boolean;
}

function lineOf(cache: TokenCache, document: number, { prefixIds, eosTokenId }: PackingOptions): Line {
  const [from, to] = [cache.offsets[document]!, cache.offsets[document + 1]!];
  const first = cache.firstIds?.[document] ?? -1;
  const isConversation = first >= 0;
  const before = isConversation ? [first] : prefixIds;
  const after = isConversation || eosTokenId === undefined ? [] : [eosTokenId];
  const ids = new Int32Array(before.length + to - from + after.length);
  ids.set(before);
  ids.set(cache.tokens.subarray(from, to), before.length);
  ids.set(after, ids.length - after.length);
  const predicted = new Uint8Array(ids.length).fill(1, before.length);
  if (cache.predicted !== undefined) predicted.set(cache.predicted.subarray(from, to), before.length);
  return { ids, predicted, isWhole: isConversation };
}

type Places = Pick<PackedSequences, 'tokens' | 'targets' | 'positions' | 'documentIds'>;

/** Writes one document's inputs and targets at consecutive places. */
function place(
  into: Places,
  start: number,
  document: number,
  { ids, predicted }: Line,
  length: number,
): void {
  let position = 0;
  for (let i = 0; i + 1 < ids.length; i++) {
    const at = start + i;
    if (at % length === 0) position = 0;
    into.tokens[at] = ids[i]!;
    into.targets[at] = predicted[i + 1] === 1 ? ids[i + 1]! : -1;
    into.positions[at] = position++;
    into.documentIds[at] = document;
  }
}

/** Where a document of some places begins. */
function startOf(next: number, places: number, { isWhole }: Line, length: number): number {
  const left = length - (next % length);
  return isWhole && places > left && places <= length ? next + left : next;
}

/** Leaves out sequences in which nothing is predicted, such as the middle of a long question. */
function withTargets(arrays: Places, length: number): Places & { readonly count: number } {
  const rows = arrays.targets.length / length;
  const kept = Array.from({ length: rows }, (_, row) => row).filter((row) =>
    arrays.targets.subarray(row * length, (row + 1) * length).some((target) => target >= 0),
  );
  if (kept.length === rows) return { ...arrays, count: rows };
  const pick = (values: Int32Array): Int32Array => {
    const picked = new Int32Array(kept.length * length);
    for (const [i, row] of kept.entries()) {
      picked.set(values.subarray(row * length, (row + 1) * length), i * length);
    }
    return picked;
  };
  const { tokens, targets, positions, documentIds } = arrays;
  return {
    tokens: pick(tokens),
    targets: pick(targets),
    positions: pick(positions),
    documentIds: pick(documentIds),
    count: kept.length,
  };
}

function fingerprintOf(packed: Omit<PackedSequences, 'fingerprint'>): string {
  return new Sha256()
    .update(`packed/1\n${packed.sequenceLength}\n${packed.count}\n`)
    .updateInt32(packed.tokens)
    .updateInt32(packed.targets)
    .updateInt32(packed.documentIds)
    .hex();
}

/** Lays out all documents. Two passes, because a conversation's length says where it begins. */
function layOut(cache: TokenCache, options: PackingOptions): Places {
  const { sequenceLength } = options;
  const documents = cache.offsets.length - 1;
  const starts: number[] = [];
  let next = 0;
  for (let document = 0; document < documents; document++) {
    const line = lineOf(cache, document, options);
    const places = line.ids.length - 1;
    const start = startOf(next, places, line, sequenceLength);
    starts.push(start);
    next = start + places;
  }
  const size = Math.ceil(next / sequenceLength) * sequenceLength;
  const arrays = {
    tokens: new Int32Array(size),
    targets: new Int32Array(size).fill(-1),
    positions: new Int32Array(size),
    documentIds: new Int32Array(size).fill(-1),
  };
  for (const [document, start] of starts.entries()) {
    place(arrays, start, document, lineOf(cache, document, options), sequenceLength);
  }
  return arrays;
}

/**
 * Lays documents end to end and cuts the line into sequences.
 *
 * A document of n tokens takes n places after a prefix of one: inputs are the prefix, t₁ … t₍n−1₎, targets t₁ … tₙ, so
 * each token is predicted exactly once an epoch. A document that crosses into the next sequence continues there with its
 * own preceding token as first input and positions from 0 (lm-evaluation-harness scores long texts in the same windows);
 * the prefix stands only at its beginning. A conversation begins by itself, is predicted in its answers only, and begins
 * a new sequence where it would be cut and need not be; what is left before it is padding. Sequences without a target are
 * left out.
 *
 * Throws InvalidConfigError for impossible options and where there is no token to predict.
 */
export function packDocuments(cache: TokenCache, options: PackingOptions): PackedSequences {
  checkOptions(options);
  const { sequenceLength } = options;
  const documents = cache.offsets.length - 1;
  const { count, ...arrays } = withTargets(layOut(cache, options), sequenceLength);
  if (count === 0) {
    const problem = { path: 'documents', message: 'hold no token' };
    throw new InvalidConfigError('Packing', [problem], 'Check the read report: were all documents skipped?');
  }
  const targetCount = arrays.targets.reduce((sum, target) => sum + (target >= 0 ? 1 : 0), 0);
  const packed = { ...arrays, sequenceLength, count, documents, targetCount, textBytes: cache.textBytes };
  return { ...packed, fingerprint: fingerprintOf(packed) };
}
