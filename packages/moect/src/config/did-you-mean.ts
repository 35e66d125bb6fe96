/** Edit distance in which a swap of neighbours counts once (optimal string alignment). */
function distance(a: string, b: string): number {
  const rows = Array.from({ length: a.length + 1 }, (_, i) => [i, ...new Array<number>(b.length).fill(0)]);
  for (let j = 0; j <= b.length; j++) rows[0]![j] = j;
  for (let i = 1; i <= a.length; i++) {
    for (let j = 1; j <= b.length; j++) {
      const substitution = rows[i - 1]![j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      let best = Math.min(rows[i - 1]![j]! + 1, rows[i]![j - 1]! + 1, substitution);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        best = Math.min(best, rows[i - 2]![j - 2]! + 1);
      }
      rows[i]![j] = best;
    }
  }
  return rows[a.length]![b.length]!;
}

const normal = (name: string): string => name.toLowerCase().replaceAll(/[_-]/g, '');

/** The name that was probably meant, or null if none is near. */
export function nearestName(given: string, names: readonly string[]): string | null {
  const limit = Math.max(1, Math.floor(given.length / 3));
  const ranked = names
    .map((name) => ({ name, far: distance(normal(given), normal(name)) }))
    .sort((x, y) => x.far - y.far);
  return ranked[0] !== undefined && ranked[0].far <= limit ? ranked[0].name : null;
}

/** ` Did you mean 'x'?`, or the list of known names. */
export function didYouMean(given: string, names: readonly string[]): string {
  const nearest = nearestName(given, names);
  return nearest === null ? ` Known: ${names.join(', ')}.` : ` Did you mean '${nearest}'?`;
}
