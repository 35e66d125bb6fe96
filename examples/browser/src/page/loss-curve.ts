import { element, setText } from './elements.ts';

const WIDTH = 600;
const HEIGHT = 180;
/** Number of steps that the thick line averages. */
const WINDOW = 8;

const SVG = 'http://www.w3.org/2000/svg';

export interface LossCurve {
  clear(): void;
  add(loss: number, totalSteps: number): void;
}

/** Mean of each point and those just before it. */
function smooth(values: readonly number[]): number[] {
  return values.map((_, i) => {
    const window = values.slice(Math.max(0, i + 1 - WINDOW), i + 1);
    return window.reduce((a, b) => a + b, 0) / window.length;
  });
}

function line(name: string, points: string): SVGElement {
  const polyline = document.createElementNS(SVG, 'polyline');
  polyline.setAttribute('class', name);
  polyline.setAttribute('points', points);
  return polyline;
}

/** The loss by step, drawn into the page's figure: each step thin, their mean thick. */
export function createLossCurve(): LossCurve {
  const svg = element<SVGSVGElement>('curve');
  let losses: number[] = [];

  function draw(totalSteps: number): void {
    const [top, bottom] = [Math.max(...losses), Math.min(...losses)];
    const span = Math.max(top - bottom, 1e-3);
    const x = (i: number): string => ((WIDTH * i) / Math.max(1, totalSteps - 1)).toFixed(1);
    const y = (loss: number): string => (8 + ((HEIGHT - 16) * (top - loss)) / span).toFixed(1);
    const points = (values: readonly number[]): string =>
      values.map((value, i) => `${x(i)},${y(value)}`).join(' ');
    const mean = smooth(losses);
    const grid = [0.25, 0.5, 0.75].map((share) =>
      line('grid-line', `0,${HEIGHT * share} ${WIDTH},${HEIGHT * share}`),
    );
    svg.replaceChildren(...grid, line('steps', points(losses)), line('mean', points(mean)));
    const [first, last] = [losses[0]!.toFixed(2), mean.at(-1)!.toFixed(2)];
    setText('curve-top', first);
    setText('curve-last', last);
    svg.setAttribute('aria-label', `Loss by step: ${first} at the first, ${last} at step ${losses.length}`);
  }

  return {
    clear() {
      losses = [];
      svg.replaceChildren();
      setText('curve-top', '');
      setText('curve-last', '');
    },
    add(loss, totalSteps) {
      losses.push(loss);
      draw(totalSteps);
    },
  };
}
