import type { Tensor } from '@moect/core';
import { clone, keep, tensorsIn, tidy } from '../scope.ts';
import { activeTape, Tape, untaped, type Watched } from '../tape.ts';
import type { TapeNode } from '../tape-node.ts';
import { asTf, fromTf, type tf } from '../tf.ts';

/** A record of tensors. */
type Inputs<I> = { readonly [Name in keyof I]: Tensor | undefined };

const mapInputs = <I extends Inputs<I>>(inputs: I, f: (input: Tensor) => Tensor): I =>
  Object.fromEntries(
    Object.entries<Tensor | undefined>(inputs).map(([name, x]) => [name, x === undefined ? x : f(x)]),
  ) as I;

/**
 * Runs `work`, and under {@link valueAndGrads} keeps its inputs alone: on the way back `work` runs again for the
 * intermediate results that its gradients need (gradient checkpointing, arXiv 1604.06174). Gradients reach inputs and
 * whatever else `work` uses, such as parameters, with the same bits as without.
 * @param inputs what may be gone when the gradients are computed: results of other operations. What `work` takes from
 * elsewhere must live until then, and must be the same then
 * @param work a pure function: the same tensors for the same inputs, in the same places of arrays, records, maps and sets
 */
export function recompute<I extends Inputs<I>, T>(inputs: I, work: (inputs: I) => T): T {
  const tape = activeTape();
  const run = (): T => tidy(() => work(inputs));
  const seen = tape?.watch(run) ?? null;
  if (tape === null || seen === null) return run();
  const node = recomputedNode(inputs, work, seen.result, seen.watched);
  if (node !== null) tape.push(node);
  return seen.result;
}

/** null where no gradient can flow. */
function recomputedNode<I extends Inputs<I>, T>(
  inputs: I,
  work: (inputs: I) => T,
  result: T,
  { captured, derived }: Watched,
): TapeNode | null {
  const results = tensorsIn(result);
  // what is passed through unchanged is no result of this operation
  const places = results.flatMap(({ id }, i) => (derived.has(id) ? [i] : []));
  if (captured.size === 0 || places.length === 0) return null;
  const copies = new Map<number, Tensor>();
  const saved = mapInputs(inputs, (x) => {
    const copy = copies.get(x.id) ?? untaped(() => keep(clone(x)));
    copies.set(x.id, copy);
    return copy;
  });
  const sources = [...captured].map((x) => copies.get(x.id) ?? fromTf(x));
  return {
    kernelName: 'Recompute',
    inputs: Object.fromEntries([...captured].entries()),
    outputs: places.map((i) => asTf(results[i]!)),
    saved: [...copies.values()].map(asTf),
    gradient(dys) {
      const again = new Tape(sources);
      const outputs = tensorsIn(again.record(() => tidy(() => work(saved))));
      const seeds = dys.flatMap((dy, i) =>
        dy === null ? [] : [[outputs[places[i]!]!, fromTf(dy)] as const],
      );
      const gradients = again.backward(seeds);
      const found = sources.map(({ id }, i) => [i, gradients.get(id)] as const);
      return Object.fromEntries(
        found.flatMap(([i, gradient]) => (gradient === undefined ? [] : [[i, () => gradient as tf.Tensor]])),
      );
    },
  };
}
