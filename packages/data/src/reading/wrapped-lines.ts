import type { ReadReport } from './read-report.ts';

const SHORTEST = 40;
const LONGEST = 120;
/** The end of a sentence in any script, with the quotes and brackets that may follow it. */
const ENDS_SENTENCE = /[\p{Sentence_Terminal}:;…—\-*_][\p{Pf}\p{Pe}"'*_\s]*$/u;

/** Counts lines that look cut to a width: they end inside a sentence, and another line stands right behind them. */
export function createWrapCounter(report: ReadReport): (text: string) => void {
  let isOpen = false;
  return (text) => {
    const line = text.trim();
    if (isOpen && line !== '') report.wrappedLines++;
    isOpen = line.length >= SHORTEST && line.length <= LONGEST && !ENDS_SENTENCE.test(line);
  };
}
