import { isAbsolute, relative, sep } from 'node:path';

/** A path as seen from a folder, with slashes on every system; as it is where no way leads there. */
export function seenFrom(folder: string, path: string): string {
  if (!isAbsolute(path)) return path;
  const way = relative(folder, path);
  return way === '' ? '.' : way.split(sep).join('/');
}
