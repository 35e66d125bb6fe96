import { formatDuration, type ProgressStream } from '@moect/trainer';

const REDRAW_MS = 100;
const LINE_MS = 10_000;

export interface ScoringProgress {
  /** The model that scores, and the share that is done, 0 … 1. */
  update(what: string, share: number): void;
  /** Removes the line from a terminal. */
  end(): void;
}

/**
 * Which model scores, how far it is and how long it will take: one line redrawn in a terminal, elsewhere a line when
 * another model begins and every ten seconds.
 */
export function scoringProgress(stream: ProgressStream, now = () => performance.now()): ScoringProgress {
  const clear = stream.isTTY === true ? '\r\u001b[K' : '';
  let model: string | null = null;
  let [begin, shown, at] = [0, 0, 1];
  let isDrawn = false;
  const draw = (text: string): void => {
    stream.write(clear === '' ? `${text}\n` : `${clear}${text.slice(0, (stream.columns ?? 80) - 1)}`);
    isDrawn = clear !== '';
    shown = now();
  };
  return {
    update(what, share) {
      const isNew = what !== model || share < at;
      if (isNew) begin = now();
      if (what !== model) draw(`scoring ${what}`);
      [model, at] = [what, share];
      const elapsed = now() - begin;
      if (now() - shown < (clear === '' ? LINE_MS : REDRAW_MS) || share === 0) return;
      const left = formatDuration((elapsed / 1000) * (1 / share - 1));
      draw(`scoring ${what}: ${left} left, ${Math.floor(100 * share)} %`);
    },
    end() {
      if (isDrawn) stream.write(clear);
      isDrawn = false;
      model = null;
    },
  };
}
