import { MoectError } from '@moect/core';

/** A lack of memory: of the backend, which goes on afterwards, or of JavaScript's own buffers. */
function isLackOfMemory(error: unknown): boolean {
  if (MoectError.isInstance(error)) return error.name === 'BackendUnavailableError';
  return error instanceof RangeError && /alloc|length/i.test(error.message);
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** Evaluations that must not cost the run that they measure. */
export interface SparedEvaluation {
  /** Reasons why an evaluation was left out, in order. */
  readonly warnings: readonly string[];
  /** The last one was left out. */
  readonly hasFailed: boolean;
  /** From here on the trained weights are safe, and no failure of an evaluation is an error. */
  keepsNothingWaiting(): void;
  /**
   * The results, or null with a warning: for a lack of memory, and for any failure once the weights are safe.
   * Throws what `work` throws otherwise, and always when it was interrupted.
   */
  run<T>(what: string, work: () => Promise<T>): Promise<T | null>;
}

export function spareEvaluation(
  signal: AbortSignal | undefined,
  onWarning: ((message: string) => void) | undefined,
): SparedEvaluation {
  const warnings: string[] = [];
  let isSafe = false;
  let hasFailed = false;
  return {
    warnings,
    get hasFailed() {
      return hasFailed;
    },
    keepsNothingWaiting: () => {
      isSafe = true;
    },
    async run(what, work) {
      hasFailed = false;
      try {
        return await work();
      } catch (error) {
        if (signal?.aborted === true || !(isSafe || isLackOfMemory(error))) throw error;
        hasFailed = true;
        const message = `${what} could not be made: ${messageOf(error)}`;
        warnings.push(message);
        onWarning?.(message);
        return null;
      }
    },
  };
}
