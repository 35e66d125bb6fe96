import { InvalidConfigError } from '@moect/core';
import { number, optional, problemsOf } from '@moect/core/options';
import { Sha256 } from '../hashing/sha256.ts';
import type { TokenCache } from './tokenize-documents.ts';

export interface PackingOptions {
  /** Tokens per sequence. */
  readonly sequenceLength: number;
  /** First input of each document; see `prefixTokenId`. */
  readonly bosTokenId: number;
  /** Last target of each document, where it is given: the model learns to stop. */
  readonly eosTokenId?: number;
}

/** Sequences of one language; arrays are row-major [count, sequenceLength]. */
export interface PackedSequences {
  readonly sequenceLength: number;
  readonly count: number;
  /** Inputs; 0 in padding. */
  readonly tokens: Int32Array;
  /** Next token of the same document; −1 in padding. */
  readonly targets: Int32Array;
  /** Positions, which restart at 0 with each document and each sequence; 0 in padding. */
  readonly positions: Int32Array;
  /** Number of the document in the token cache; −1 in padding. */
  readonly documentIds: Int32Array;
  readonly documents: number;
  /** Targets in one epoch: the tokens of all documents (and one EOS each, where wanted). */
  readonly targetCount: number;
  /** UTF-8 bytes of the text. */
  readonly textBytes: number;
  /** SHA-256 over all of it. */
  readonly fingerprint: string;
}

const tokenId = number({ min: 0, integer: true });

function checkOptions(options: PackingOptions): void {
  const sequenceLength = number({ min: 1, integer: true });
  const checks = { sequenceLength, bosTokenId: tokenId, eosTokenId: optional(tokenId) };
  const problems = problemsOf(options, checks);
  if (problems.length > 0) throw new InvalidConfigError('Packing', problems);
}

/** Writes one document's inputs and targets at consecutive places. */
function placeDocument(
  into: Pick<PackedSequences, 'tokens' | 'targets' | 'positions' | 'documentIds'>,
  start: number,
  document: { readonly id: number; readonly ids: Int32Array },
  options: PackingOptions,
): number {
  const { sequenceLength, bosTokenId, eosTokenId } = options;
  const targets = document.ids.length + (eosTokenId === undefined ? 0 : 1);
  let position = 0;
  for (let i = 0; i < targets; i++) {
    const at = start + i;
    if (at % sequenceLength === 0) position = 0;
    into.tokens[at] = i === 0 ? bosTokenId : document.ids[i - 1]!;
    into.targets[at] = document.ids[i] ?? eosTokenId!;
    into.positions[at] = position++;
    into.documentIds[at] = document.id;
  }
  return start + targets;
}

function fingerprintOf(packed: Omit<PackedSequences, 'fingerprint'>): string {
  return new Sha256()
    .update(`packed/1\n${packed.sequenceLength}\n${packed.count}\n`)
    .updateInt32(packed.tokens)
    .updateInt32(packed.targets)
    .updateInt32(packed.documentIds)
    .hex();
}

/**
 * Lays documents end to end and cuts the line into sequences; only the end of the last one is padding.
 *
 * A document of n tokens takes n places: inputs are BOS, t₁ … t₍n−1₎, targets t₁ … tₙ, so each token is predicted
 * exactly once an epoch. A document that crosses into the next sequence continues there with its own preceding
 * token as first input and positions from 0 (lm-evaluation-harness scores long texts in the same windows); BOS
 * stands only at its beginning.
 *
 * Throws InvalidConfigError for impossible options and where there is no token.
 */
export function packDocuments(cache: TokenCache, options: PackingOptions): PackedSequences {
  checkOptions(options);
  const { sequenceLength } = options;
  const documents = cache.offsets.length - 1;
  const targetCount = cache.tokens.length + (options.eosTokenId === undefined ? 0 : documents);
  if (targetCount === 0) {
    const problem = { path: 'documents', message: 'hold no token' };
    throw new InvalidConfigError('Packing', [problem], 'Check the read report: were all documents skipped?');
  }
  const count = Math.ceil(targetCount / sequenceLength);
  const size = count * sequenceLength;
  const arrays = {
    tokens: new Int32Array(size),
    targets: new Int32Array(size).fill(-1),
    positions: new Int32Array(size),
    documentIds: new Int32Array(size).fill(-1),
  };
  let next = 0;
  for (let id = 0; id < documents; id++) {
    const ids = cache.tokens.subarray(cache.offsets[id]!, cache.offsets[id + 1]!);
    next = placeDocument(arrays, next, { id, ids }, options);
  }
  const packed = { ...arrays, sequenceLength, count, documents, targetCount, textBytes: cache.textBytes };
  return { ...packed, fingerprint: fingerprintOf(packed) };
}
