import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type CheckpointError, MoectError } from '@moect/core';
import type { HubError } from '../hub/hub-error.ts';

/** Exit codes, after BSD's sysexits.h. */
export const EXIT = {
  ok: 0,
  /** `compare --max-forgetting`: the bound did not hold. */
  forgot: 1,
  usage: 64,
  badData: 65,
  unavailable: 69,
  internal: 70,
  retryable: 75,
  interrupted: 130,
} as const;

/** The command line is wrong in a way that only the command knows. */
export class UsageError extends MoectError {
  constructor(message: string, hint: string) {
    super('UsageError', message, hint);
  }
}

const byName: Readonly<Record<string, number>> = {
  UsageError: EXIT.usage,
  InvalidConfigError: EXIT.badData,
  CorruptDataError: EXIT.badData,
  BaseMismatchError: EXIT.badData,
  ShapeMismatchError: EXIT.badData,
  NoSuchComponentError: EXIT.badData,
  NoMatchingParameterError: EXIT.badData,
  NonFiniteError: EXIT.badData,
  BackendUnavailableError: EXIT.unavailable,
};

const badPath = ['EEXIST', 'ENOENT', 'ENOTDIR', 'EISDIR', 'EACCES', 'EPERM', 'EROFS', 'ENAMETOOLONG'];
const passing = [
  'ENOSPC',
  'EDQUOT',
  'EIO',
  'EMFILE',
  'ENFILE',
  'EAGAIN',
  'EBUSY',
  'ETIMEDOUT',
  'ENOMEM',
  'ESTALE',
];

/** A run held by another process ends some day; a damaged or foreign checkpoint stays unusable. */
function checkpointCode({ folder }: CheckpointError): number {
  return existsSync(join(folder, 'run.lock')) ? EXIT.retryable : EXIT.badData;
}

/** Exit code for an error. */
export function exitCodeOf(error: unknown): number {
  if (MoectError.isInstance(error)) {
    if (error.name === 'CheckpointError') return checkpointCode(error as CheckpointError);
    if (error.name === 'HubError') return (error as HubError).isRetryable ? EXIT.retryable : EXIT.badData;
    return byName[error.name] ?? EXIT.internal;
  }
  const code = (error as NodeJS.ErrnoException | null)?.code;
  if (typeof code === 'string' && badPath.includes(code)) return EXIT.badData;
  if (typeof code === 'string' && passing.includes(code)) return EXIT.retryable;
  return EXIT.internal;
}
