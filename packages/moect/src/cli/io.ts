import type { ProgressStream } from '@moect/trainer';

/** Outputs of a command. */
export interface Io {
  /** Results. */
  out(text: string): void;
  /** Progress, notes and errors. */
  err(text: string): void;
  /** For the progress bar. */
  readonly progress: ProgressStream;
}

export const processIo: Io = {
  out: (text) => void process.stdout.write(text),
  err: (text) => void process.stderr.write(text),
  progress: process.stderr,
};

/** Notes, one a line. */
export function noteLines(notes: readonly string[]): string {
  return notes.map((note) => `note: ${note}\n`).join('');
}

/** Columns of equal width, two spaces apart; the first is aligned left, the others right. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  const line = (row: readonly string[]): string =>
    row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join('  ');
  return rows.map((row) => `${line(row).trimEnd()}\n`).join('');
}
