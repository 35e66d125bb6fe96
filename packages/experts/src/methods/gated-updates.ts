import type { Attachments, ParamTree, Rng, SiteContext, Tensor } from '@moect/core';
import { add, linear, mul, randomNormal, slice, spreadColumns, sub, tidy, zeros } from '@moect/tensor';
import { unlessBaseOnly } from '../fusions/blend.ts';
import { lowRankUpdate } from './low-rank.ts';
import { rowsOf, type TokenRows } from './token-rows.ts';

/** p for each position of `value`; p of the last position if `value` has only that one. */
function weightFor(baseWeight: Tensor, value: Tensor): Tensor {
  const [batch, time] = baseWeight.shape as [number, number];
  if (value.rank !== 3 || value.shape[1] === time) return baseWeight;
  return slice(baseWeight, [0, time - 1, 0], [batch, 1, 1]);
}

/** value + delta(1 − p); unchanged bits where p is exactly 1. */
function addGated(
  value: Tensor,
  baseWeight: Tensor,
  training: boolean,
  delta: (openness: Tensor) => Tensor,
): Tensor {
  const weight = weightFor(baseWeight, value);
  const changed = add(value, delta(sub(1, weight)));
  return training ? changed : unlessBaseOnly(value, changed, weight);
}

/**
 * Low-rank update of a linear, scaled by 1 − p of the nearest branch below; by 1 where the branch is always on.
 * Without a branch below there is no p, and nothing is added (docs/method.md §3.2).
 */
export function attachLowRank(
  params: ParamTree,
  scale: number,
  alwaysOn: boolean,
): (input: Tensor, output: Tensor, context: SiteContext) => Tensor {
  return (input, output, { baseWeight, training }) => {
    if (alwaysOn) return tidy(() => add(output, lowRankUpdate(params, input, scale)));
    if (baseWeight === null) return output;
    return tidy(() =>
      addGated(output, baseWeight, training, (open) => lowRankUpdate(params, input, mul(open, scale))),
    );
  };
}

/** ΔW = 0 at the start: `delta.weight` [vocab, d], or `delta_B.weight` [vocab, rank] · `delta_A.weight` [rank, d]. */
export function initHeadDelta(
  rng: Rng,
  dims: { readonly hiddenSize: number; readonly vocabSize: number },
  rank: number | 'full',
): ParamTree {
  const { hiddenSize, vocabSize } = dims;
  if (rank === 'full') return { delta: { weight: zeros([vocabSize, hiddenSize]) } };
  return {
    delta_A: { weight: randomNormal(rng, [rank, hiddenSize], 1 / Math.sqrt(hiddenSize)) },
    delta_B: { weight: zeros([vocabSize, rank]) },
  };
}

const weightOf = (params: ParamTree, name: string): Tensor => (params[name] as ParamTree)['weight'] as Tensor;

export interface HeadDelta {
  readonly head: NonNullable<Attachments['head']>;
  readonly headTerms: NonNullable<Attachments['headTerms']>;
}

/** One addition to the logits, linear in what `narrow` gives. */
interface HeadTerm {
  readonly narrow: (hidden: Tensor) => Tensor;
  readonly weight: Tensor;
  readonly tokens?: Tensor;
}

function headTermsOf(params: ParamTree, tokenRows: TokenRows | null): HeadTerm[] {
  const terms: HeadTerm[] = [];
  if (params['delta'] !== undefined) {
    terms.push({ narrow: (hidden) => hidden, weight: weightOf(params, 'delta') });
  } else if (params['delta_B'] !== undefined) {
    const narrow = (hidden: Tensor): Tensor => linear(hidden, weightOf(params, 'delta_A'));
    terms.push({ narrow, weight: weightOf(params, 'delta_B') });
  }
  if (tokenRows === null) return terms;
  return [...terms, { narrow: (hidden) => hidden, weight: rowsOf(params), tokens: tokenRows.tokens }];
}

/**
 * logits + (1 − p_last)·h·ΔWᵀ, p of the last branch; with 1 where the branch is always on (docs/method.md §3.1). ΔW is a
 * head delta, the rows of some tokens (docs/method.md §3.3), or their sum.
 */
export function attachHeadDelta(
  params: ParamTree,
  { alwaysOn, tokenRows }: { readonly alwaysOn: boolean; readonly tokenRows: TokenRows | null },
): HeadDelta {
  const terms = headTermsOf(params, tokenRows);
  const opened = (term: HeadTerm, hidden: Tensor, open: Tensor | null): Tensor =>
    open === null ? term.narrow(hidden) : mul(term.narrow(hidden), open);
  const change = (hidden: Tensor, open: Tensor | null, vocabSize: number): Tensor =>
    terms
      .map((term) => {
        const own = linear(opened(term, hidden, open), term.weight);
        return term.tokens === undefined ? own : spreadColumns(own, term.tokens, vocabSize);
      })
      .reduce((a, b) => add(a, b));
  return {
    head: (hidden, logits, { baseWeight, training }) => {
      const vocabSize = logits.shape.at(-1)!;
      if (alwaysOn) return tidy(() => add(logits, change(hidden, null, vocabSize)));
      if (baseWeight === null) return logits;
      const delta = (open: Tensor): Tensor => change(hidden, open, vocabSize);
      return tidy(() => addGated(logits, baseWeight, training, delta));
    },
    headTerms: (hidden, { baseWeight }) => {
      if (!alwaysOn && baseWeight === null) return [];
      return terms.map((term) => ({
        input: tidy(() => opened(term, hidden, alwaysOn ? null : sub(1, baseWeight!))),
        weight: term.weight,
        ...(term.tokens !== undefined && { tokens: term.tokens }),
        trainable: true,
      }));
    },
  };
}
