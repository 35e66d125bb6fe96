import type { Candidates, LogitsTerm } from '@moect/core';
import { cast, embedding, linearCrossEntropy, ones, reshape, tidy } from '@moect/tensor';

/** A term of the logits of the candidates alone. */
function amongCandidates(term: LogitsTerm, { tokens, places }: Candidates): LogitsTerm {
  const { weight, trainable } = term;
  if (term.tokens === undefined) return { ...term, weight: embedding(weight, tokens), trainable };
  const own = tidy(() => cast(reshape(embedding(places, term.tokens!), term.tokens!.shape), 'int32'));
  return { ...term, tokens: own };
}

/** `linearCrossEntropy` over the candidates alone; their log counts are one more term. */
export function sampledCrossEntropy(
  terms: readonly LogitsTerm[],
  scale: number,
  candidates: Candidates,
): ReturnType<typeof linearCrossEntropy> {
  const { targets, logCounts } = candidates;
  const own = terms.map((term) => amongCandidates(term, candidates));
  const counts = { input: ones([targets.size, 1]), weight: logCounts, trainable: false };
  return linearCrossEntropy([...own, counts], reshape(targets, [targets.size]), scale);
}
