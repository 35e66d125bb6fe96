import type { Tensor } from '@moect/core';
import { asTf, fromTf, tf } from './tf.ts';

type Named = Readonly<Record<string, Tensor>>;
/** Tensors by name; undefined: not needed. */
type Saved = Readonly<Record<string, Tensor | undefined>>;

/** An operation that says its own gradients. */
export interface Operation<I extends Named, O extends readonly Tensor[], S extends Saved> {
  /** What gradients may reach. */
  readonly inputs: I;
  /** Makes the results, and nothing else that lives on. */
  forward(): O;
  /**
   * All that the gradients read: a scope around the operation may dispose whatever is not named here. `gradientReaches`
   * tells what no gradient will be asked for, such as frozen weights, so that its partner need not be kept.
   */
  saves(results: O): S;
  /**
   * Gradients by input. Each is asked for at most once, in the order of the inputs, and only where one is wanted; an
   * input without one is left out.
   * @param dys of the results, in their order; zeros where nothing depends on one
   */
  gradients(
    dys: { readonly [Place in keyof O]: Tensor },
    saved: S,
  ): { readonly [Name in keyof I]?: () => Tensor };
}

/** The parts of TensorFlow.js's engine that its types hide. */
interface Engine {
  isTapeOn(): boolean;
  runKernelFunc(call: {
    readonly inputs: Readonly<Record<string, tf.Tensor>>;
    forwardFunc(backend: object, save: (tensors: tf.Tensor[]) => void): tf.Tensor[];
    backwardsFunc(
      dys: tf.Tensor | readonly tf.Tensor[],
      saved: readonly tf.Tensor[],
    ): Readonly<Record<string, () => tf.Tensor>>;
    /** For our own pass: `forward` leaves nothing behind. */
    readonly isTidy: true;
  }): tf.Tensor[];
}

const engine = tf.engine() as unknown as Engine;

/**
 * Runs an operation with its own gradients: the one way in which operations of this package declare them. Works under
 * `valueAndGrads` and under TensorFlow.js's own `tf.grads`; what `gradients` runs is differentiable there in turn.
 */
export function differentiable<I extends Named, O extends readonly Tensor[], S extends Saved>(
  operation: Operation<I, O, S>,
): O {
  if (!engine.isTapeOn()) return operation.forward();
  let names: readonly string[] = [];
  const results = engine.runKernelFunc({
    inputs: operation.inputs as unknown as Record<string, tf.Tensor>,
    isTidy: true,
    forwardFunc(_, save) {
      const made = operation.forward();
      const needed = Object.entries(operation.saves(made)).filter(([, tensor]) => tensor !== undefined);
      names = needed.map(([name]) => name);
      save(needed.map(([, tensor]) => asTf(tensor!)));
      return made.map(asTf);
    },
    backwardsFunc(dys, kept) {
      const saved = Object.fromEntries(names.map((name, i) => [name, fromTf(kept[i]!)]));
      const all = (Array.isArray(dys) ? dys : [dys]) as readonly tf.Tensor[];
      const given = all.map(fromTf) as unknown as { readonly [Place in keyof O]: Tensor };
      return operation.gradients(given, saved as unknown as S) as Readonly<Record<string, () => tf.Tensor>>;
    },
  });
  return results.map(fromTf) as unknown as O;
}

/** Gradients that one kernel gives together: it runs when the first of them is asked for. */
export function together<Name extends string>(
  names: readonly Name[],
  run: () => readonly (Tensor | undefined)[],
): Readonly<Record<Name, () => Tensor>> {
  let made: readonly (Tensor | undefined)[] | undefined;
  const at = (place: number) => (): Tensor => {
    made ??= run();
    return made[place]!;
  };
  return Object.fromEntries(names.map((name, place) => [name, at(place)])) as Record<Name, () => Tensor>;
}
