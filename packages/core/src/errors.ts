const marker = Symbol.for('moect.error');

/** Every error that moect throws on purpose. `isInstance` also works when a package is installed twice. */
export class MoectError extends Error {
  /** What to do next, in one sentence. */
  readonly hint: string;

  constructor(name: string, message: string, hint: string, cause?: unknown) {
    super(`${message} ${hint}`.trim(), cause === undefined ? undefined : { cause });
    this.name = name;
    this.hint = hint;
    Object.defineProperty(this, marker, { value: true });
  }

  static isInstance(error: unknown): error is MoectError {
    return typeof error === 'object' && error !== null && marker in error;
  }
}

export interface ConfigProblem {
  /** Dotted path of the key, for example `training.batchSize`. */
  readonly path: string;
  readonly message: string;
  /** Line in the file, counted from 1, where known. */
  readonly line?: number;
}

/** A configuration is wrong; `problems` lists everything at once. */
export class InvalidConfigError extends MoectError {
  readonly problems: readonly ConfigProblem[];

  constructor(what: string, problems: readonly ConfigProblem[], hint = '') {
    const lines = problems.map(
      (p) => `\n  ${p.line === undefined ? '' : `line ${p.line}: `}${p.path}: ${p.message}`,
    );
    super('InvalidConfigError', `${what} has ${problems.length} problem(s):${lines.join('')}\n`, hint);
    this.problems = problems;
  }
}

/** A tensor has the wrong shape. */
export class ShapeMismatchError extends MoectError {
  readonly tensor: string;
  readonly given: readonly number[];
  readonly expected: string;

  constructor(tensor: string, given: readonly number[], expected: string, hint = '') {
    super('ShapeMismatchError', `${tensor} has shape [${given.join(', ')}], expected ${expected}.`, hint);
    this.tensor = tensor;
    this.given = given;
    this.expected = expected;
  }
}

/** A backend cannot be used here. */
export class BackendUnavailableError extends MoectError {
  readonly backend: string;
  readonly reason: string;

  constructor(backend: string, reason: string, hint: string, cause?: unknown) {
    super('BackendUnavailableError', `Backend '${backend}' cannot be used: ${reason}.`, hint, cause);
    this.backend = backend;
    this.reason = reason;
  }
}

/** A name that nobody registered. */
export class NoSuchComponentError extends MoectError {
  readonly given: string;
  readonly available: readonly string[];

  constructor(kind: string, given: string, available: readonly string[], hint = '') {
    const list = available.length === 0 ? 'none' : available.join(', ');
    super('NoSuchComponentError', `There is no ${kind} '${given}'. Available: ${list}.`, hint);
    this.given = given;
    this.available = available;
  }
}

/** A pattern or a file's tensor matched no parameter. */
export class NoMatchingParameterError extends MoectError {
  readonly given: readonly string[];

  constructor(what: string, given: readonly string[], examples: readonly string[], hint = '') {
    super(
      'NoMatchingParameterError',
      `${what}: nothing matches ${given.join(', ')}. Names look like: ${examples.slice(0, 5).join(', ')}.`,
      hint,
    );
    this.given = given;
  }
}

/** A checkpoint is incomplete, damaged or belongs to another run. */
export class CheckpointError extends MoectError {
  readonly folder: string;

  constructor(folder: string, reason: string, hint: string, cause?: unknown) {
    super('CheckpointError', `Checkpoint ${folder}: ${reason}.`, hint, cause);
    this.folder = folder;
  }
}

/** An extension meets a base that it was not made for. */
export class BaseMismatchError extends MoectError {
  readonly expectedSha256: string;
  readonly givenSha256: string;

  constructor(expectedId: string, expectedSha256: string, givenSha256: string) {
    super(
      'BaseMismatchError',
      `This extension was made for base '${expectedId}' (sha256 ${expectedSha256.slice(0, 12)}…), the one given has sha256 ${givenSha256.slice(0, 12)}….`,
      'Load the base that the extension names, or train a new extension on this one.',
    );
    this.expectedSha256 = expectedSha256;
    this.givenSha256 = givenSha256;
  }
}

/** A file does not hold what its format promises. */
export class CorruptDataError extends MoectError {
  readonly source: string;

  constructor(source: string, reason: string, hint: string, cause?: unknown) {
    super('CorruptDataError', `${source}: ${reason}.`, hint, cause);
    this.source = source;
  }
}

/** A value is NaN or infinite but must be finite. */
export class NonFiniteError extends MoectError {
  readonly where: string;

  constructor(where: string, hint: string) {
    super('NonFiniteError', `${where} is not finite.`, hint);
    this.where = where;
  }
}
