import { type ConfigProblem, InvalidConfigError, type LanguageRole, type Sampler } from '@moect/core';
import { number, oneOf, problemsOf } from '@moect/core/options';
import type { PackedSequences } from '../packing/pack-documents.ts';

export interface MixedLanguage {
  readonly code: string;
  readonly role: LanguageRole;
  readonly sequences: PackedSequences;
}

export interface BatchSourceOptions {
  readonly languages: readonly MixedLanguage[];
  readonly batchSize: number;
  /** Length of a sequence. Where it is given, the packed sequences must have it. */
  readonly sequenceLength?: number;
  readonly seed: number;
  /** Identifies the tokenizer in the fingerprint, for example the SHA-256 of its file. */
  readonly tokenizerId: string;

  /**
   * At most one of the next four says how languages are mixed: all of them, or, with `replay`, those not replayed.
   * None: in proportion to their sequences, so that their epochs end together.
   */
  readonly weights?: Readonly<Record<string, number>>;
  /** τ of `temperatureWeights`, over UTF-8 bytes. */
  readonly temperature?: number;
  /** `uniMaxWeights` over UTF-8 bytes. */
  readonly uniMax?: { readonly budgetBytes: number; readonly maxEpochs: number };
  /** Gives indices into the mixed languages, in their order. */
  readonly sampler?: Sampler;

  /** Languages of role `old` are then drawn only as replay. */
  readonly replay?: {
    /** Share of all sequences, 0 to 1; kept exactly and spread evenly. */
    readonly share: number;
    /** Weights among the old languages. Default: equal. */
    readonly weights?: Readonly<Record<string, number>>;
  };
}

const role = oneOf('old', 'new', 'unknown');

function languageProblems(options: BatchSourceOptions): ConfigProblem[] {
  const { languages } = options;
  const problems: ConfigProblem[] = languages.length > 0 ? [] : [{ path: 'languages', message: 'is empty' }];
  const length = options.sequenceLength ?? languages[0]?.sequences.sequenceLength;
  const seen = new Set<string>();
  languages.forEach(({ code, sequences, ...language }, i) => {
    const path = `languages[${i}]`;
    if (seen.has(code)) problems.push({ path: `${path}.code`, message: `'${code}' occurs twice` });
    const message = role(language.role);
    if (message !== null) problems.push({ path: `${path}.role`, message });
    if (sequences.count < 1) problems.push({ path: `${path}.sequences`, message: `'${code}' has none` });
    if (sequences.sequenceLength !== length) {
      const message = `'${code}' has sequences of ${sequences.sequenceLength} tokens, expected ${length}`;
      problems.push({ path: `${path}.sequences`, message });
    }
    seen.add(code);
  });
  return problems;
}

function weightProblems(
  path: string,
  weights: object | undefined,
  codes: readonly string[],
): ConfigProblem[] {
  if (weights === undefined) return [];
  const given = Object.keys(weights);
  const unknown = given.filter((code) => !codes.includes(code));
  const missing = codes.filter((code) => !given.includes(code));
  return [
    ...unknown.map((code) => ({
      path: `${path}.${code}`,
      message: `is not mixed here; ${codes.join(', ')} are`,
    })),
    ...missing.map((code) => ({ path: `${path}.${code}`, message: 'is missing; 0 leaves the language out' })),
  ];
}

function replayProblems({ replay, languages }: BatchSourceOptions): ConfigProblem[] {
  if (replay === undefined) return [];
  const problems: ConfigProblem[] = [];
  const message = number({ min: 0, max: 1 })(replay.share);
  if (message !== null) problems.push({ path: 'replay.share', message });
  const old = languages.filter(({ role }) => role === 'old');
  if (old.length === 0 && replay.share > 0) {
    problems.push({ path: 'replay', message: "needs a language of role 'old'" });
  }
  if (old.length === languages.length && replay.share < 1) {
    problems.push({ path: 'replay.share', message: `is ${replay.share}, but all languages are old` });
  }
  return [
    ...problems,
    ...weightProblems(
      'replay.weights',
      replay.weights,
      old.map(({ code }) => code),
    ),
  ];
}

/** Throws InvalidConfigError with every problem at once. */
export function checkBatchSourceOptions(options: BatchSourceOptions): void {
  const mixed = options.languages.filter(({ role }) => options.replay === undefined || role !== 'old');
  const problems = [
    ...languageProblems(options),
    ...replayProblems(options),
    ...weightProblems(
      'weights',
      options.weights,
      mixed.map(({ code }) => code),
    ),
    ...problemsOf(options, { batchSize: number({ min: 1, integer: true }), seed: number({ integer: true }) }),
  ];
  const ways = (['weights', 'temperature', 'uniMax', 'sampler'] as const).filter(
    (way) => options[way] !== undefined,
  );
  if (ways.length > 1) problems.push({ path: ways.join(', '), message: 'exclude each other' });
  if (problems.length > 0) throw new InvalidConfigError('Mixing languages', problems);
}
