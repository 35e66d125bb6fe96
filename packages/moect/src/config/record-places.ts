import { existsSync } from 'node:fs';
import { isAbsolute, relative, resolve } from 'node:path';

type Raw = Readonly<Record<string, unknown>>;

const isRecord = (value: unknown): value is Raw =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Every path of a configuration, changed; values of other shapes are left for the schema to refuse. */
export function mapPlaces(value: unknown, change: (path: string, key: 'base' | 'other') => string): unknown {
  if (!isRecord(value)) return value;
  const of = (key: 'base' | 'other') => (given: unknown) =>
    typeof given === 'string' && given !== '' ? change(given, key) : given;
  const one = of('other');
  const list = (given: unknown): unknown => (Array.isArray(given) ? given.map(one) : one(given));
  const languages = (given: unknown): unknown =>
    Array.isArray(given)
      ? given.map((language) => (isRecord(language) ? withKey(language, 'files', list) : language))
      : given;
  const nested = (key: string, inner: (given: unknown) => unknown) => (given: unknown) =>
    isRecord(given) ? withKey(given, key, inner) : given;
  let changed = value;
  changed = withKey(changed, 'base', of('base'));
  changed = withKey(changed, 'parts', list);
  changed = withKey(changed, 'languages', languages);
  changed = withKey(changed, 'evaluation', nested('languages', languages));
  return withKey(changed, 'cache', nested('folder', one));
}

function withKey(record: Raw, key: string, change: (given: unknown) => unknown): Raw {
  return record[key] === undefined ? record : { ...record, [key]: change(record[key]) };
}

/** Where the run stood when its record was written; null for other configurations. */
function formerFolder({ resolved, output }: Raw): string | null {
  if (!isRecord(resolved)) return null;
  const { folder } = resolved;
  if (typeof folder === 'string') return folder;
  // records of before have an absolute path there
  return typeof output === 'string' && isAbsolute(output) ? output : null;
}

/** Whether a configuration is the record that a run has left. */
export const isRecordOfRun = (value: unknown): boolean => isRecord(value) && isRecord(value['resolved']);

/**
 * The paths in a run's record after the run, its base or its texts were moved: those that are gone are looked for
 * beside the run as they were, and as seen from where the run was.
 */
export function withMovedPlaces(value: unknown, folder: string): unknown {
  if (!isRecord(value)) return value;
  const former = formerFolder(value);
  if (former === null) return value;
  return mapPlaces(value, (path) => {
    const beside = isAbsolute(path) ? relative(former, path) : path;
    const places = [resolve(folder, path), resolve(folder, beside), resolve(former, path)];
    const there = places.find((place) => existsSync(place));
    return there === undefined || there === places[0] ? path : there;
  });
}
