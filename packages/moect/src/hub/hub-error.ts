import { MoectError } from '@moect/core';

/** A model could not be fetched. */
export class HubError extends MoectError {
  /** Whether the same may succeed later. What was downloaded is kept. */
  readonly isRetryable: boolean;
  /** The message without its hint. */
  readonly summary: string;

  constructor(message: string, hint: string, isRetryable: boolean, cause?: unknown) {
    super('HubError', message, hint, cause);
    this.isRetryable = isRetryable;
    this.summary = message;
  }
}

/** An answer of the hub that is no success. */
export interface HubFailure {
  readonly status: number;
  /** `X-Error-Code`: GatedRepo, RepoNotFound, RevisionNotFound, EntryNotFound, … */
  readonly code: string | null;
}

interface Asked {
  readonly endpoint: string;
  readonly repo: string;
  readonly revision: string | null;
  readonly hasToken: boolean;
}

const KEPT = 'Run the same again; what was downloaded is kept.';

/** What a failed answer means for its reader. */
export function refusal({ status, code }: HubFailure, asked: Asked): HubError {
  const { endpoint, repo, revision, hasToken } = asked;
  const page = `${endpoint}/${repo}`;
  if (code === 'GatedRepo' || status === 403) {
    const token = hasToken
      ? 'Your token is known, its account has not been let in.'
      : 'Then set HF_TOKEN to a token of yours.';
    return new HubError(`${repo} is gated.`, `Accept its conditions at ${page}. ${token}`, false);
  }
  if (code === 'RevisionNotFound') {
    return new HubError(
      `${repo} has no revision '${revision}'.`,
      `Its branches are listed at ${page}.`,
      false,
    );
  }
  if (status === 401 || status === 404) {
    const why = hasToken
      ? 'or the token in use may not read it'
      : 'or it is private and needs a token in HF_TOKEN';
    return new HubError(`${endpoint} has no model ${repo}, ${why}.`, 'Check the name.', false);
  }
  if (status === 429) {
    return new HubError(
      `${endpoint} gets too many requests from here (429).`,
      `Wait some minutes. ${KEPT}`,
      true,
    );
  }
  if (status >= 500) return new HubError(`${endpoint} answers ${status}.`, KEPT, true);
  return new HubError(`${endpoint} answers ${status} for ${repo}.`, 'Check the name and HF_ENDPOINT.', false);
}

/** The innermost cause of a failed fetch, for people. */
function reasonOf(error: unknown): string {
  let inner = error;
  while (inner instanceof Error && inner.cause instanceof Error) inner = inner.cause;
  const { code, message } = inner as NodeJS.ErrnoException;
  return message || code || String(inner);
}

/** No answer at all, or one that breaks off. */
export function unreachable(endpoint: string, error: unknown): HubError {
  return new HubError(`${endpoint} cannot be reached (${reasonOf(error)}).`, KEPT, true, error);
}
