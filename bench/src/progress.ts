import type { BenchCase } from './cases/bench-case.ts';
import type { BenchReport } from './report/report.ts';

/** Guessed seconds of starting a contender and warming it up. */
const START_SECONDS = 8;

/** Seconds that a case takes according to the report; a guess if the report lacks it. */
function expectedSeconds(benchCase: BenchCase, report: BenchReport | null, rounds: number): number {
  const earlier = report?.cases.find(({ name }) => name === benchCase.name);
  const perRound = Object.values(earlier?.results ?? {}).map(({ median }) =>
    Math.max(0.7, benchCase.tokens / median),
  );
  const round = earlier === undefined ? 2 * benchCase.entries.length : perRound.reduce((a, b) => a + b, 0);
  return (
    rounds * round + START_SECONDS * (earlier === undefined ? benchCase.entries.length : perRound.length)
  );
}

const duration = (seconds: number): string =>
  seconds < 90 ? `${Math.ceil(seconds)} s` : `${Math.round(seconds / 60)} min`;

/** Shows one line: the current work, and the estimated time left for all cases. */
export function progress(
  cases: readonly BenchCase[],
  report: BenchReport | null,
  rounds: number,
): { of(benchCase: BenchCase): (text: string, secondsLeft: number | null) => void; clear(): void } {
  const isTerminal = process.stderr.isTTY === true;
  const expected = cases.map((benchCase) => expectedSeconds(benchCase, report, rounds));
  return {
    of: (benchCase) => {
      const place = cases.indexOf(benchCase);
      const after = expected.slice(place + 1).reduce((a, b) => a + b, 0);
      return (text, secondsLeft) => {
        const left = duration((secondsLeft ?? expected[place]!) + after);
        const line = `${benchCase.name} (${place + 1} of ${cases.length}): ${text}, about ${left} left`;
        process.stderr.write(isTerminal ? `\r\u001b[K${line}` : `${line}\n`);
      };
    },
    clear: () => {
      if (isTerminal) process.stderr.write('\r\u001b[K');
    },
  };
}
