import type { Io } from './io.ts';

const MEGABYTE = 1e6;
/** Milliseconds between two updates in a terminal, and between two lines elsewhere. */
const REDRAW_MS = 200;
const LINE_MS = 10_000;

/** Says how far a download is: one line redrawn in a terminal, a plain line every few seconds elsewhere. */
export function fetchProgress(
  { progress }: Pick<Io, 'progress'>,
  what: string,
  now: () => number = () => performance.now(),
): (loadedBytes: number, totalBytes: number | null) => void {
  const isTerminal = progress.isTTY === true;
  let first: { readonly at: number; readonly bytes: number } | null = null;
  let shown = Number.NEGATIVE_INFINITY;
  const megabytes = (bytes: number): string => Math.round(bytes / MEGABYTE).toLocaleString('en-US');
  return (loaded, total) => {
    // what an earlier process left says nothing about the speed
    first ??= { at: now(), bytes: loaded };
    const isDone = loaded === total;
    if (now() - shown < (isTerminal ? REDRAW_MS : LINE_MS) && !isDone) return;
    shown = now();
    const rate = (loaded - first.bytes) / (now() - first.at);
    const left =
      total === null || !(rate > 0) || isDone ? '' : `, ${Math.ceil((total - loaded) / rate / 1000)} s left`;
    const of = total === null ? '' : ` of ${megabytes(total)}`;
    const text = `fetching ${what}: ${megabytes(loaded)}${of} MB${left}`;
    if (!isTerminal) progress.write(`${text}\n`);
    else progress.write(`\r\u001b[K${text.slice(0, (progress.columns ?? 80) - 1)}${isDone ? '\n' : ''}`);
  };
}
