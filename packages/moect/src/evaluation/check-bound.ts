import { type ConfigProblem, InvalidConfigError } from '@moect/core';
import type { EvaluatedText } from './evaluated-texts.ts';
import type { UsedPack } from './scorers.ts';

/** Replayed languages without text; a promise about the old languages is about each of them. */
function unmeasured(
  packs: readonly Pick<UsedPack, 'name' | 'info'>[],
  codes: readonly string[],
): ConfigProblem[] {
  return packs.flatMap(({ name, info }) => {
    const missing = info.languages
      .filter(({ role, code }) => role === 'old' && !codes.includes(code))
      .map(({ code }) => code);
    if (missing.length === 0) return [];
    return [
      { path: 'text', message: `${missing.join(', ')}, which ${name} replayed, would not be measured` },
    ];
  });
}

/**
 * Refuses a bound on forgetting that these texts cannot show to hold, before anything is scored.
 * Throws InvalidConfigError.
 */
export function checkBound(
  bound: number | undefined,
  packs: readonly Pick<UsedPack, 'name' | 'info'>[],
  texts: readonly EvaluatedText[],
): void {
  if (bound === undefined) return;
  const problems: ConfigProblem[] = [];
  if (!(bound > 0 && Number.isFinite(bound))) {
    problems.push({ path: 'maxForgetting', message: `is ${bound}, must be above 0` });
  }
  problems.push(
    ...unmeasured(
      packs,
      texts.map(({ code }) => code),
    ),
  );
  const old = texts.filter(({ role }) => role === 'old');
  if (old.length === 0 && problems.length === 0) {
    problems.push({
      path: 'text',
      message: 'is in no old language; name those that the base knows with old',
    });
  }
  for (const { code, documents } of old) {
    if (documents.length > 1) continue;
    const message = `${code} is one document: it has no interval, which needs two documents, better twenty`;
    problems.push({ path: 'text', message });
  }
  if (problems.length > 0) throw new InvalidConfigError('The bound on forgetting', problems, HINT);
}

const HINT =
  'Give text of every old language (--text CODE=FILE …), and name those that were not replayed with --old CODE.';
