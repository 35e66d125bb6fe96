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

/**
 * All windows of the documents, longest first (so that a lack of memory shows at once), in batches.
 * Throws InvalidConfigError.
 */
export function windowBatches(
  documents: readonly EncodedDocument[],
  { maxLength }: Pick<ScoringConvention, 'maxLength'>,
  batchSize: number,
): WindowBatch[] {
  if (!Number.isInteger(batchSize) || batchSize < 1) {
    const message = `must be a whole number from 1, is ${batchSize}`;
    throw new InvalidConfigError('scoring', [{ path: 'batchSize', message }]);
  }
  const windows = documents
    .flatMap(({ tokens }, document) =>
      rollingWindows(tokens.length, maxLength).map((window) => ({ ...window, document })),
    )
    .filter((window) => hasScored(window, documents[window.document]!))
    .sort((a, b) => b.length - a.length);
  const batches: WindowBatch[] = [];
  for (let i = 0; i < windows.length; i += batchSize) {
    batches.push(layOut(windows.slice(i, i + batchSize), documents));
  }
  return batches;
}
