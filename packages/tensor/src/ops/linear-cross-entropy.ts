import { type LogitsTerm, ShapeMismatchError, type Tensor } from '@moect/core';
import { hasKernel, LinearCrossEntropy, runKernel, TimesScalar } from '@moect/kernels';
import { type Backward, differentiable } from '../differentiable.ts';
import { asTf, fromTf, tf } from '../tf.ts';
import { crossEntropy } from './cross-entropy.ts';
import { reshape } from './shape.ts';
import { softcap as capped } from './softcap.ts';

/**
 * Cross-entropy of logits that are a sum of linear terms. The wasm backend processes blocks of rows and computes the
 * gradients in the same pass, so it never holds the logits of all rows; other backends compose it and hold them.
 * @param given terms with inputs [.., in], one row for each target
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
  const operands = {
    targets,
    weight: terms.map(({ weight }) => weight),
    input: terms.map(({ input }) => input),
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
  for (const { input, weight } of terms) {
    const fits =
      input.rank === 2 && input.shape[0] === rows && weight.shape.join() === `${vocabSize},${input.shape[1]}`;
    if (fits) continue;
    throw new ShapeMismatchError(
      'term of linearCrossEntropy',
      weight.shape,
      `[${vocabSize}, in] for inputs [${rows}, in] (given [${input.shape}])`,
    );
  }
}

function composed(
  terms: readonly LogitsTerm[],
  targets: Tensor,
  scale: number,
  softcap: number,
): { loss: Tensor; tokenLosses: Tensor } {
  const products = terms.map(({ input, weight }) => tf.matMul(asTf(input), asTf(weight), false, true));
  const sums = fromTf(products.reduce((a, b) => tf.add(a, b)));
  const tokenLosses = crossEntropy(softcap === 0 ? sums : capped(sums, softcap), targets);
  return { loss: tf.mul(tf.sum(asTf(tokenLosses)), scale) as unknown as Tensor, tokenLosses };
}
