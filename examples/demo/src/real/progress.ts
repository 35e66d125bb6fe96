import { formatDuration } from '@moect/trainer';

/** A piece of work, with the seconds that it takes by a guess; what was done earlier is not among them. */
export interface Phase {
  readonly name: string;
  readonly expectedSeconds: number;
}

export interface Progress {
  begin(phase: number): void;
  /** Share of the phase that is done, 0 … 1; the first of a phase is what an earlier start did. */
  update(share: number): void;
  text(): string;
}

/**
 * How far the phase at hand and the whole are, and how long both will take: guesses at first, then corrected by what this
 * machine has taken for its share so far.
 */
export function createProgress(phases: readonly Phase[], now = () => performance.now() / 1000): Progress {
  let [current, from, share] = [0, Number.NaN, 0];
  let [begin, spent, done] = [now(), 0, 0];
  const expected = (): number => phases[current]?.expectedSeconds ?? 0;
  const close = (): void => {
    if (Number.isNaN(from)) return;
    spent += now() - begin;
    done += expected() * (1 - from);
  };
  return {
    begin(phase) {
      if (phase !== current) close();
      [current, from, share, begin] = [phase, Number.NaN, 0, now()];
    },
    update(next) {
      if (Number.isNaN(from)) from = next;
      share = next;
    },
    text() {
      const gone = now() - begin;
      const here = expected() * (share - (Number.isNaN(from) ? 0 : from));
      const pace = done + here > 0 ? (spent + gone) / (done + here) : 1;
      const own = here > 0 ? gone / here : pace;
      const left = expected() * (1 - share) * own;
      const later = phases.slice(current + 1).reduce((sum, phase) => sum + phase.expectedSeconds, 0);
      const name = `${current + 1} of ${phases.length}, ${phases[current]?.name ?? ''}`;
      const whole = formatDuration(left + later * pace);
      return `${whole} left  [${name}: ${Math.floor(100 * share)} %, ${formatDuration(left)} left]`;
    },
  };
}
