import { type LogitsTerm, ShapeMismatchError, type Tensor } from '@moect/core';
import { hasKernel, LinearCrossEntropy, runKernel, TimesScalar } from '@moect/kernels';
import { type Backward, differentiable } from '../differentiable.ts';
import { tidy } from '../scope.ts';
import { asTf, fromTf, tf } from '../tf.ts';
import { crossEntropy } from './cross-entropy.ts';
import { add } from './elementwise.ts';
import { concat, reshape, slice } from './shape.ts';
import { softcap as capped } from './softcap.ts';
import { spreadColumns } from './spread-columns.ts';

/**
 * Cross-entropy of logits that are a sum of linear terms. The wasm backend processes blocks of rows and computes the
 * gradients in the same pass, so it never holds the logits of all rows. Other backends compose it: they hold
 * them for gradients, and else those of one block of rows.
 * @param given terms with inputs [.., in], one row for each target; the first covers all tokens
 * @param targets [rows] int32; −1 gives loss 0 and no gradient
 * @param scale factor on the sum of losses
 * @param softcap the logits are cap · tanh(sum of the terms / cap); 0: the sum itself
 * @returns `loss`: scale · Σ tokenLosses, a scalar with gradients; `tokenLosses`: [rows] nats, without
 */
export function linearCrossEntropy(
  given: readonly LogitsTerm[],
  targets: Tensor,
  scale: number,
  softcap = 0,
): { loss: Tensor; tokenLosses: Tensor } {
  const terms = given.map((term) => ({ ...term, input: reshape(term.input, [-1, term.weight.shape[1]!]) }));
  check(terms, targets);
  if (!hasKernel(LinearCrossEntropy)) return composed(terms, targets, scale, softcap);
  const none = fromTf(tf.tensor1d([], 'int32'));
  const operands = {
    targets,
    weight: terms.map(({ weight }) => weight),
    input: terms.map(({ input }) => input),
    tokens: terms.map(({ tokens }) => tokens ?? none),
  };
  const withGradients = tf.engine().isTapeOn();
  const attrs = { trainable: terms.map(({ trainable }) => trainable), scale, softcap, withGradients };
  const [tokenLosses, ...gradients] = runKernel(LinearCrossEntropy, operands, attrs);
  const total = (): Tensor => tf.tidy(() => tf.mul(tf.sum(asTf(tokenLosses)), scale)) as unknown as Tensor;
  if (!withGradients) return { loss: total(), tokenLosses };
  const reached = [
    ...operands.input,
    ...terms.filter(({ trainable }) => trainable).map(({ weight }) => weight),
  ];
  const [loss] = scaledSum(reached.length)(byPlace(reached), { gradients, total });
  return { loss, tokenLosses };
}

const byPlace = <T>(list: readonly T[]): Record<string, T> =>
  Object.fromEntries(list.map((one, place) => [`of${place}`, one]));

interface Made {
  readonly gradients: readonly Tensor[];
  readonly total: () => Tensor;
}
type MadeCall = Backward<Made, readonly [Tensor], Record<string, Tensor | undefined>>;

/** The loss of a kernel that has already computed the gradients of `count` inputs. */
const scaledSum = (count: number) =>
  differentiable({
    forward: (_: Record<string, Tensor>, { total }: Made) => [total()] as const,
    saves: (_, { gradients }) => byPlace(gradients),
    gradients: byPlace(
      Array.from(
        { length: count },
        (_, place) =>
          ({ dys: [dy], saved }: MadeCall): Tensor =>
            runKernel(TimesScalar, { x: saved[`of${place}`]!, scalar: dy })[0],
      ),
    ),
  });

function check(terms: readonly LogitsTerm[], targets: Tensor): void {
  const rows = targets.shape[0];
  const vocabSize = terms[0]?.weight.shape[0];
  for (const [i, { input, weight, tokens }] of terms.entries()) {
    const count = i === 0 || tokens === undefined ? vocabSize : tokens.size;
    const fits =
      input.rank === 2 && input.shape[0] === rows && weight.shape.join() === `${count},${input.shape[1]}`;
    if (fits && (i > 0 || tokens === undefined)) continue;
    throw new ShapeMismatchError(
      'term of linearCrossEntropy',
      weight.shape,
      i === 0
        ? `[vocabSize, in] for inputs [${rows}, in], all tokens (given [${input.shape}])`
        : `[${count}, in] for inputs [${rows}, in] (given [${input.shape}])`,
    );
  }
}

/** Logits that are held at a time where no gradient asks for all: 64 MiB. */
const LOGITS = 2 ** 24;

function lossesOf(terms: readonly Omit<LogitsTerm, 'trainable'>[], targets: Tensor, softcap: number): Tensor {
  const vocabSize = terms[0]!.weight.shape[0]!;
  const products = terms.map(({ input, weight, tokens }) => {
    const product = fromTf(tf.matMul(asTf(input), asTf(weight), false, true));
    return tokens === undefined ? product : spreadColumns(product, tokens, vocabSize);
  });
  const logits = products.reduce((a, b) => add(a, b));
  return crossEntropy(softcap === 0 ? logits : capped(logits, softcap), targets);
}

/** Losses of blocks of rows, so that only one block's logits are held. */
function lossesInBlocks(terms: readonly LogitsTerm[], targets: Tensor, softcap: number): Tensor {
  const rows = targets.shape[0]!;
  const block = Math.max(1, Math.floor(LOGITS / terms[0]!.weight.shape[0]!));
  if (rows <= block) return lossesOf(terms, targets, softcap);
  const cut = (x: Tensor, from: number): Tensor =>
    slice(x, [from, ...x.shape.slice(1).map(() => 0)], [Math.min(block, rows - from), ...x.shape.slice(1)]);
  const blocks = Array.from({ length: Math.ceil(rows / block) }, (_, i) =>
    tidy(() => {
      const some = terms.map((term) => ({ ...term, input: cut(term.input, i * block) }));
      return lossesOf(some, cut(targets, i * block), softcap);
    }),
  );
  return concat(blocks, 0);
}

function composed(
  terms: readonly LogitsTerm[],
  targets: Tensor,
  scale: number,
  softcap: number,
): { loss: Tensor; tokenLosses: Tensor } {
  return tidy(() => {
    const lossesFor = tf.engine().isTapeOn() ? lossesOf : lossesInBlocks;
    const tokenLosses = lossesFor(terms, targets, softcap);
    return { loss: tf.mul(tf.sum(asTf(tokenLosses)), scale) as unknown as Tensor, tokenLosses };
  });
}
