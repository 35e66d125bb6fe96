import type { KeyPath } from './key-path.ts';

export interface Found {
  readonly path: KeyPath;
  readonly message: string;
}

const asRecord = (value: unknown): Record<string, unknown> =>
  typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
const asList = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);

function duplicateCodes(languages: readonly unknown[], path: KeyPath): Found[] {
  const codes = languages.map((language) => asRecord(language)['code']);
  return codes.flatMap((code, i) => {
    const first = codes.indexOf(code);
    if (typeof code !== 'string' || first === i) return [];
    return [{ path: [...path, i, 'code'], message: `'${code}' stands in entry ${first} already` }];
  });
}

function roleProblems(root: Record<string, unknown>): Found[] {
  const languages = asList(root['languages']).map(asRecord);
  const roles = languages.map((language) => language['role']);
  const share = asRecord(root['replay'])['share'];
  const found: Found[] = [];
  if (languages.length > 0 && roles.every((role) => role === 'old')) {
    found.push({ path: ['languages'], message: "has no language of role 'new': there is nothing to learn" });
  }
  if (typeof share === 'number' && share > 0 && !roles.includes('old')) {
    found.push({ path: ['replay', 'share'], message: `is ${share}, but no language has the role 'old'` });
  }
  if (share === 1) found.push({ path: ['replay', 'share'], message: 'is 1: nothing new would be learned' });
  return found;
}

/** Evaluation may not call a language new that training calls old. */
function evaluationProblems(root: Record<string, unknown>): Found[] {
  const trained = new Map(asList(root['languages']).map((l) => [asRecord(l)['code'], asRecord(l)['role']]));
  return asList(asRecord(root['evaluation'])['languages']).flatMap((language, i) => {
    const { code, role } = asRecord(language) as { code?: unknown; role?: unknown };
    const wanted = trained.get(code) ?? 'unseen';
    if (typeof code !== 'string' || typeof role !== 'string' || role === wanted) return [];
    const why = trained.has(code) ? `training calls '${code}' ${wanted}` : `'${code}' is not trained on`;
    // an old language needs no training text to be old
    if (role === 'old' && wanted === 'unseen') return [];
    const path = ['evaluation', 'languages', i, 'role'];
    return [{ path, message: `is '${role}', but ${why}` }];
  });
}

/** Problems that a schema cannot find. Reads the raw value, so that both kinds of problems are found together. */
export function meaningProblems(value: unknown): Found[] {
  const root = asRecord(value);
  const training = asRecord(root['training']);
  const lengths = ['steps', 'tokens', 'epochs'].filter((key) => training[key] !== undefined);
  const evaluated = asList(asRecord(root['evaluation'])['languages']);
  return [
    ...(lengths.length > 1
      ? [{ path: ['training', lengths[1]!], message: `excludes ${lengths[0]}: give one of the two` }]
      : []),
    ...duplicateCodes(asList(root['languages']), ['languages']),
    ...duplicateCodes(evaluated, ['evaluation', 'languages']),
    ...roleProblems(root),
    ...evaluationProblems(root),
  ];
}
