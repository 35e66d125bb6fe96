import { MoectError } from '@moect/core';
import { EXIT, exitCodeOf } from './exit-codes.ts';
import type { Io } from './io.ts';

/** Message of an error for people, without a stack. */
export function errorText(error: unknown): string {
  if (MoectError.isInstance(error)) return error.message;
  const { code, path, message } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT' && path !== undefined) return `There is no ${path}. Check the path.`;
  if (exitCodeOf(error) === EXIT.internal) {
    return `Internal error: ${message ?? String(error)}. Run again with --verbose and report what it prints.`;
  }
  return message ?? String(error);
}

/** Prints an error, with its stack and causes if requested. */
export function printError(error: unknown, io: Io, isVerbose: boolean): void {
  io.err(`moect: ${errorText(error)}\n`);
  if (!isVerbose) return;
  for (let at: unknown = error; at instanceof Error; at = at.cause) {
    io.err(`${at === error ? '' : 'caused by '}${at.stack ?? at.message}\n`);
  }
}
