import type { Tensor } from '@moect/core';
import { asTf, fromTf, tf } from './tf.ts';

type Named = Readonly<Record<string, Tensor>>;
/** Tensors by name; undefined: not needed. */
type Saved = Readonly<Record<string, Tensor | undefined>>;

/** Arguments of an operation's gradient functions. */
export interface Backward<R, O extends readonly Tensor[], S extends Saved> {
  /** Gradients of the results, in their order; zeros where nothing depends on a result. */
  readonly dys: { readonly [Place in keyof O]: Tensor };
  readonly saved: S;
  /** As passed to the operation. Its tensors may be disposed: `saved` has those that gradients read. */
  readonly rest: R;
}

/**
 * An operation that defines its own gradients.
 * `I`: inputs that gradients may reach, by name. `R`: the rest, data such as ids and attributes. `O`: results.
 * `S`: saved tensors. `M`: gradients that one kernel computes together.
 */
export interface Operation<I extends Named, R, O extends readonly Tensor[], S extends Saved, M> {
  /** Computes the results and leaves no other tensors. */
  readonly forward: (inputs: I, rest: R) => O;
  /**
   * All tensors that the gradients read; a scope around the operation may dispose all others. `gradientReaches` is
   * false for tensors that get no gradient, such as frozen weights, whose partner need not be kept.
   */
  readonly saves: (inputs: I, rest: R, results: O) => S;
  /** Runs when the first gradient is computed; every gradient receives its result. */
  readonly together?: (call: Backward<R, O, S>) => M;
  /**
   * Gradients by input: each is computed at most once, in the order of the inputs, and only where it is needed. An
   * input without a gradient is absent.
   */
  readonly gradients: { readonly [Name in keyof I]?: (call: Backward<R, O, S>, made: M) => Tensor };
}

type Save = (tensors: tf.Tensor[]) => void;
type Forward = (backend: object, save: Save) => tf.Tensor[];
type Backwards = (
  dys: tf.Tensor | readonly tf.Tensor[],
  saved: readonly tf.Tensor[],
) => Readonly<Record<string, () => tf.Tensor>>;

/** The parts of TensorFlow.js's engine that its types hide. */
interface Engine {
  isTapeOn(): boolean;
  runKernelFunc(call: {
    readonly inputs: Readonly<Record<string, tf.Tensor>>;
    readonly forwardFunc: Forward;
    readonly backwardsFunc: Backwards;
    /** For `inPass`: `forward` leaves no tensors but its results. */
    readonly isTidy: true;
  }): tf.Tensor[];
}

const engine = tf.engine() as unknown as Engine;

/**
 * Makes a function of an operation: the one way in which operations of this package declare gradients. It works under
 * `valueAndGrads` and under TensorFlow.js's own `tf.grads`, where operations in gradients are differentiable too.
 */
export function differentiable<I extends Named, R, O extends readonly Tensor[], S extends Saved, M>(
  operation: Operation<I, R, O, S, M>,
): (inputs: I, rest: R) => O {
  return (inputs, rest) => {
    if (!engine.isTapeOn()) return operation.forward(inputs, rest);
    const names: string[] = [];
    const call = {
      inputs: inputs as unknown as Record<string, tf.Tensor>,
      forwardFunc: forwardOf(operation, inputs, rest, names),
      backwardsFunc: backwardsOf(operation, rest, names),
      isTidy: true,
    } as const;
    return engine.runKernelFunc(call) as unknown as O;
  };
}

/** @param names receives the names of the saved tensors */
function forwardOf<I extends Named, R, O extends readonly Tensor[], S extends Saved, M>(
  { forward, saves }: Operation<I, R, O, S, M>,
  inputs: I,
  rest: R,
  names: string[],
): Forward {
  return (_, save) => {
    const results = forward(inputs, rest);
    const saved: Saved = saves(inputs, rest, results);
    const needed: tf.Tensor[] = [];
    for (const name in saved) {
      if (saved[name] === undefined) continue;
      names.push(name);
      needed.push(asTf(saved[name]));
    }
    save(needed);
    return results as unknown as tf.Tensor[];
  };
}

function backwardsOf<I extends Named, R, O extends readonly Tensor[], S extends Saved, M>(
  { together, gradients }: Operation<I, R, O, S, M>,
  rest: R,
  names: readonly string[],
): Backwards {
  return (dys, kept) => {
    const saved: Record<string, Tensor> = {};
    for (let i = 0; i < names.length; i++) saved[names[i]!] = fromTf(kept[i]!);
    const all = Array.isArray(dys) ? dys : [dys];
    const call = { dys: all, saved, rest } as unknown as Backward<R, O, S>;
    let made: M | undefined;
    const found: Record<string, () => tf.Tensor> = {};
    for (const name in gradients) {
      found[name] = () => {
        made ??= together?.(call);
        return asTf(gradients[name]!(call, made as M));
      };
    }
    return found;
  };
}
