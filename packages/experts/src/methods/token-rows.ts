import { InvalidConfigError, type ParamTree, type SiteContext, type Tensor } from '@moect/core';
import { cast, dispose, embedding, mul, reshape, split, tensor, tidy, zeros } from '@moect/tensor';

/** The tokens that have rows of their own, as constants on the device. */
export interface TokenRows {
  /** [number] int32, ascending */
  readonly tokens: Tensor;
  /** [vocabSize, 2] float32: the row of each token and 1, or zeros. */
  readonly rowOf: Tensor;
  dispose(): void;
}

export function createTokenRows(ids: readonly number[], vocabSize: number): TokenRows {
  const rows = new Float32Array(2 * vocabSize);
  for (const [row, id] of ids.entries()) rows.set([row, 1], 2 * id);
  const tokens = tensor(Int32Array.from(ids), [ids.length], 'int32');
  const rowOf = tensor(rows, [vocabSize, 2]);
  return { tokens, rowOf, dispose: () => dispose([tokens, rowOf]) };
}

/** `rows.weight` [number, hiddenSize], zero at the start. */
export const initTokenRows = ({ tokens }: TokenRows, hiddenSize: number): ParamTree => ({
  rows: { weight: zeros([tokens.size, hiddenSize]) },
});

/** `rows.weight` of a tree. */
export const rowsOf = (params: ParamTree): Tensor => (params['rows'] as ParamTree)['weight'] as Tensor;

/**
 * The row of each token of a pass, zero for tokens without one (docs/method.md §3.3).
 * @param weight [number, hiddenSize]
 * @returns [batch, time, hiddenSize]
 * Throws InvalidConfigError for a base that does not tell its attachments the tokens.
 */
export function rowsOfTokens({ rowOf }: TokenRows, weight: Tensor, context: SiteContext): Tensor {
  const { tokens } = context;
  if (tokens === undefined) {
    const problem = {
      path: 'tokenRows',
      message: 'needs the tokens of a pass, which this base does not give',
    };
    throw new InvalidConfigError(
      'moe-ct',
      [problem],
      'Set tokenRows to null, or fill in SiteContext.tokens.',
    );
  }
  return tidy(() => {
    const [row, isListed] = split(embedding(rowOf, tokens), [1, 1], 2) as [Tensor, Tensor];
    return mul(embedding(weight, cast(reshape(row, tokens.shape), 'int32')), isListed);
  });
}
