/** A point in pixels and the text beside it. */
export interface LabelledPoint {
  readonly x: number;
  readonly y: number;
  readonly text: string;
}

export interface LabelPlace {
  readonly dx: number;
  readonly dy: number;
  readonly align: 'left' | 'center' | 'right';
}

/** Pixels. */
export interface Box {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

const CHARACTER = 6.4;
const HEIGHT = 14;

const PLACES: readonly LabelPlace[] = [
  { dx: 9, dy: 0, align: 'left' },
  { dx: -9, dy: 0, align: 'right' },
  { dx: 0, dy: -14, align: 'center' },
  { dx: 0, dy: 14, align: 'center' },
  { dx: 8, dy: -13, align: 'left' },
  { dx: 8, dy: 13, align: 'left' },
  { dx: -8, dy: -13, align: 'right' },
  { dx: -8, dy: 13, align: 'right' },
  { dx: 8, dy: 26, align: 'left' },
  { dx: 8, dy: -26, align: 'left' },
  { dx: -8, dy: 26, align: 'right' },
];

function boxOf({ x, y, text }: LabelledPoint, { dx, dy, align }: LabelPlace): Box {
  const width = text.length * CHARACTER;
  const left = x + dx - (align === 'left' ? 0 : align === 'center' ? width / 2 : width);
  return { left, right: left + width, top: y + dy - HEIGHT / 2, bottom: y + dy + HEIGHT / 2 };
}

const overlap = (a: Box, b: Box): number =>
  Math.max(0, Math.min(a.right, b.right) - Math.max(a.left, b.left)) *
  Math.max(0, Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top));

/** Chooses for each label the place around its point that overlaps least with everything placed before. */
export function placeLabels(
  points: readonly LabelledPoint[],
  size: { readonly width: number; readonly height: number },
  obstacles: readonly Box[] = [],
): LabelPlace[] {
  const marks = points.map(({ x, y }) => ({ left: x - 6, right: x + 6, top: y - 6, bottom: y + 6 }));
  const taken: Box[] = [...marks, ...obstacles];
  return points.map((point, own) => {
    const cost = (box: Box): number => {
      const outside = Math.max(0, -box.left, box.right - size.width, -box.top, box.bottom - size.height);
      return taken.reduce((sum, other, i) => sum + (i === own ? 0 : overlap(box, other)), 50 * outside);
    };
    const best = PLACES.map((place) => ({ place, box: boxOf(point, place) })).reduce((a, b) =>
      cost(b.box) < cost(a.box) ? b : a,
    );
    taken.push(best.box);
    return best.place;
  });
}
