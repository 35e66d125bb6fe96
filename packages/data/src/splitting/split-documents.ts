import { type Document, InvalidConfigError } from '@moect/core';
import { number, problemsOf } from '@moect/core/options';
import { Sha256 } from '../hashing/sha256.ts';
import { textKey } from './normalize-text.ts';

export type SplitName = 'train' | 'dev' | 'test';

export type Splits = Readonly<Record<SplitName, readonly Document[]>>;

export interface SplitReport {
  readonly documents: number;
  readonly kept: Readonly<Record<SplitName, number>>;
  /** Copies of a document of the same split, removed. */
  readonly duplicatesWithin: Readonly<Record<SplitName, number>>;
  /**
   * Documents removed from this split because a held-out split has the same text: from train for dev and test, from
   * dev for test.
   */
  readonly duplicatesAcross: Readonly<Record<SplitName, number>>;
}

export interface SplitOptions {
  /** Another seed gives another split; the same seed and text always the same side. */
  readonly seed: number;
  /** Shares between 0 and 1; the rest is training text. Defaults 0.05 and 0.05. */
  readonly dev?: number;
  readonly test?: number;
  /**
   * Least documents of dev where its share is above 0: those nearest to it are added, as long as this is at most a tenth
   * of all different documents. Default 0.
   */
  readonly minDev?: number;
  /**
   * Documents of the same group stay together, for example translations of one article.
   * Default: each text is a group of its own.
   */
  readonly groupOf?: (document: Document) => string;
}

/** Order in which splits keep a text that several have: held-out text is never trained on. */
const priority: readonly SplitName[] = ['test', 'dev', 'train'];

/**
 * Removes exact copies (after `normalizeText`) within splits, and from train whatever dev or test holds, and from
 * dev whatever test holds. The first of several copies stays.
 */
export function removeDuplicates(splits: Splits): { splits: Splits; report: SplitReport } {
  const kept: Record<SplitName, Document[]> = { train: [], dev: [], test: [] };
  const within: Record<SplitName, number> = { train: 0, dev: 0, test: 0 };
  const across: Record<SplitName, number> = { train: 0, dev: 0, test: 0 };
  const owner = new Map<string, SplitName>();
  for (const name of priority) {
    for (const document of splits[name]) {
      const key = textKey(document.text);
      const known = owner.get(key);
      if (known === name) within[name]++;
      else if (known !== undefined) across[name]++;
      else {
        owner.set(key, name);
        kept[name].push(document);
      }
    }
  }
  const count = (lists: Splits): Record<SplitName, number> => ({
    train: lists.train.length,
    dev: lists.dev.length,
    test: lists.test.length,
  });
  const given = count(splits);
  return {
    splits: kept,
    report: {
      documents: given.train + given.dev + given.test,
      kept: count(kept),
      duplicatesWithin: within,
      duplicatesAcross: across,
    },
  };
}

function checkShares(dev: number, test: number, minDev: number): void {
  const share = number({ min: 0, below: 1 });
  const least = number({ min: 0, integer: true });
  const problems = problemsOf({ dev, test, minDev }, { dev: share, test: share, minDev: least });
  if (problems.length === 0 && dev + test >= 1) {
    problems.push({ path: 'dev + test', message: `is ${dev + test}, which leaves nothing to train on` });
  }
  if (problems.length > 0) throw new InvalidConfigError('Document split', problems);
}

/** A number in [0, 1) from the seed and a key: 32 bits of their SHA-256. */
function position(seed: number, key: string): number {
  return new Sha256().update(`${seed}\n${key}`).firstWord() / 2 ** 32;
}

/** Smallest part of all documents that a least number may be. */
const MIN_DEV_PART = 10;

/** End of dev's range of positions, moved up until the range holds the least number. */
function endOfDev(
  positions: readonly number[],
  options: Required<Pick<SplitOptions, 'dev' | 'test' | 'minDev'>>,
) {
  const { dev, test, minDev } = options;
  const different = [...new Set(positions)].filter((at) => at >= test).sort((a, b) => a - b);
  const isSmall = minDev * MIN_DEV_PART <= new Set(positions).size;
  if (dev === 0 || minDev === 0 || !isSmall || different.length < minDev) return test + dev;
  // positions are multiples of 2⁻³²: the last document lies inside
  return Math.max(test + dev, different[minDev - 1]! + 2 ** -32);
}

/**
 * Splits documents by a hash of seed and text (or group), so a document's side depends on nothing else: adding text
 * later moves none from one side to the other, except among the few documents of `minDev`. Copies cannot end on two
 * sides; they are removed and counted. Shares hold in expectation. Throws InvalidConfigError.
 */
export function splitDocuments(
  documents: Iterable<Document>,
  options: SplitOptions,
): { splits: Splits; report: SplitReport } {
  const { seed, dev = 0.05, test = 0.05, minDev = 0, groupOf } = options;
  checkShares(dev, test, minDev);
  const splits: Record<SplitName, Document[]> = { train: [], dev: [], test: [] };
  const all = [...documents];
  const positions = all.map((document) =>
    position(seed, groupOf === undefined ? textKey(document.text) : groupOf(document)),
  );
  const end = endOfDev(positions, { dev, test, minDev });
  for (const [i, document] of all.entries()) {
    const at = positions[i]!;
    splits[at < test ? 'test' : at < end ? 'dev' : 'train'].push(document);
  }
  return removeDuplicates(splits);
}
