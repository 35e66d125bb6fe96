/**
 * Shows a text that changes: redraws a line in a terminal, prints one every ten seconds elsewhere. Gives what ends it,
 * with the last text left standing or without.
 */
export function showProgress(text: () => string, isKept: boolean): () => void {
  const isTerminal = process.stderr.isTTY === true;
  const draw = (): void => {
    if (isTerminal) process.stderr.write(`\r\u001b[K${text().slice(0, (process.stderr.columns ?? 100) - 1)}`);
    else process.stderr.write(`${text()}\n`);
  };
  const timer = setInterval(draw, isTerminal ? 300 : 10_000);
  return () => {
    clearInterval(timer);
    if (isKept) draw();
    if (isTerminal) process.stderr.write(isKept ? '\n' : '\r\u001b[K');
  };
}
