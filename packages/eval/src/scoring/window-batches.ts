import { InvalidConfigError } from '@moect/core';
import type { EncodedDocument, ScoringConvention } from './encode-documents.ts';
import { type RollingWindow, rollingWindows } from './rolling-windows.ts';

interface DocumentWindow extends RollingWindow {
  /** Index of the document. */
  readonly document: number;
}

/** A token that a batch scores. */
export interface ScoredPosition {
  /** Row-major position in the batch. */
  readonly position: number;
  /** Index of the document, and of the token among its scored ones. */
  readonly document: number;
  readonly token: number;
}

/** Windows of similar length side by side. Arrays are row-major [rows, time]. */
export interface WindowBatch {
  readonly rows: number;
  readonly time: number;
  readonly tokens: Int32Array;
  /** The token to score after each input; −1 where none is. */
  readonly targets: Int32Array;
  /** 0, and −1 for padding. */
  readonly documentIds: Int32Array;
  readonly scored: readonly ScoredPosition[];
}

function layOut(windows: readonly DocumentWindow[], documents: readonly EncodedDocument[]): WindowBatch {
  const rows = windows.length;
  const time = Math.max(...windows.map(({ length }) => length));
  const tokens = new Int32Array(rows * time);
  const targets = new Int32Array(rows * time).fill(-1);
  const documentIds = new Int32Array(rows * time).fill(-1);
  const scored: ScoredPosition[] = [];
  windows.forEach((window, row) => {
    const { tokens: text, firstId, scored: numbers } = documents[window.document]!;
    for (let i = 0; i < window.length; i++) {
      const position = row * time + i;
      const index = window.start + i;
      tokens[position] = index === 0 ? firstId : text[index - 1]!;
      documentIds[position] = 0;
      const token = numbers[index]!;
      if (i < window.length - window.scored || token < 0) continue;
      targets[position] = text[index]!;
      scored.push({ position, document: window.document, token });
    }
  });
  return { rows, time, tokens, targets, documentIds, scored };
}

/** A window may hold nothing but a question. */
function hasScored({ start, length, scored }: RollingWindow, document: EncodedDocument): boolean {
  const end = start + length;
  return document.scored.subarray(end - scored, end).some((number) => number >= 0);
}

/** Tokens of one pass, padding included, where nothing else is said: products are at full speed from there on. */
export const BATCH_TOKENS = 2048;

/** The first windows that fit together: each is padded to the first, which is the longest. */
function nextBatch(windows: readonly DocumentWindow[], from: number, batchTokens: number): number {
  const time = windows[from]!.length;
  return Math.min(windows.length, from + Math.max(1, Math.floor(batchTokens / time)));
}

/**
 * All windows of the documents in batches of at most `batchTokens` tokens, padding included; a longer window goes alone.
 * The longest come first, so that a lack of memory shows at once. Each batch is laid out when it is asked for.
 * Throws InvalidConfigError.
 */
export function windowBatches(
  documents: readonly EncodedDocument[],
  { maxLength }: Pick<ScoringConvention, 'maxLength'>,
  batchTokens: number = BATCH_TOKENS,
): Iterable<WindowBatch> {
  if (!Number.isInteger(batchTokens) || batchTokens < 1) {
    const message = `must be a whole number from 1, is ${batchTokens}`;
    throw new InvalidConfigError('scoring', [{ path: 'batchTokens', message }]);
  }
  const windows = documents
    .flatMap(({ tokens }, document) =>
      rollingWindows(tokens.length, maxLength).map((window) => ({ ...window, document })),
    )
    .filter((window) => hasScored(window, documents[window.document]!))
    .sort((a, b) => b.length - a.length);
  return layOutAll(windows, documents, batchTokens);
}

function* layOutAll(
  windows: readonly DocumentWindow[],
  documents: readonly EncodedDocument[],
  batchTokens: number,
): Generator<WindowBatch> {
  for (let i = 0; i < windows.length; ) {
    const end = nextBatch(windows, i, batchTokens);
    yield layOut(windows.slice(i, end), documents);
    i = end;
  }
}
