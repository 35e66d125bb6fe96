import type { Tensor } from '@moect/core';
import { clone, keep, tensorsIn, tidy } from '../scope.ts';
import { activeTape, Tape, untaped, type Watched } from '../tape.ts';
import type { TapeNode } from '../tape-node.ts';
import { asTf, fromTf, tf } from '../tf.ts';

/** A record of tensors. */
type Inputs<I> = { readonly [Name in keyof I]: Tensor | undefined };

const mapInputs = <I extends Inputs<I>>(inputs: I, f: (input: Tensor) => Tensor): I =>
  Object.fromEntries(
    Object.entries<Tensor | undefined>(inputs).map(([name, x]) => [name, x === undefined ? x : f(x)]),
  ) as I;

/**
 * Runs `work`; under {@link valueAndGrads} only its inputs are kept, and the backward pass runs `work` again for the
 * intermediate results that its gradients need (gradient checkpointing, arXiv 1604.06174). Gradients reach the inputs
 * and all other tensors that `work` uses, such as parameters, with the same bits as without recomputation.
 * @param inputs results of other operations, which may be disposed before the gradients are computed. Other tensors
 * that `work` uses must live until then with the same values
 * @param work a pure function: the same tensors for the same inputs, in the same places of arrays, records, maps and sets
 */
export function recompute<I extends Inputs<I>, T>(inputs: I, work: (inputs: I) => T): T {
  return run(inputs, work, false);
}

/**
 * As {@link recompute}, for work that is cheap to repeat: later operations do not keep its results for their
 * gradients either; they are recomputed. So only the start of a chain of norms, sums and gathered rows is kept.
 */
export function remake<I extends Inputs<I>, T>(inputs: I, work: (inputs: I) => T): T {
  return run(inputs, work, true);
}

function run<I extends Inputs<I>, T>(inputs: I, work: (inputs: I) => T, isRemade: boolean): T {
  const tape = activeTape();
  const once = (): T => tidy(() => work(inputs));
  const seen = tape?.watch(once) ?? null;
  if (tape === null || seen === null) return once();
  const { result, watched } = seen;
  const results = tensorsIn(result);
  // a tensor that `work` passes through unchanged is no result of this operation
  const places = results.flatMap(({ id }, i) => (watched.derived.has(id) ? [i] : []));
  if (places.length === 0 && !isRemade) return result;
  const rerun = new Rerun(inputs, work, watched);
  const node = rerun.node(places.map((i) => [i, asTf(results[i]!)]));
  if (!isRemade) tape.push(node);
  else tape.pushRemade(node, results.map(asTf), () => rerun.results.map(asTf));
  return result;
}

/** Id of the newest tensor; ids count up, and the engine's types hide the counter. */
const newestId = (): number => (tf.engine() as unknown as { nextTensorId(): number }).nextTensorId();

/** Record of the second run of some work. */
interface Again {
  readonly tape: Tape;
  readonly results: readonly Tensor[];
  /** Results that are new, not passed through. */
  readonly made: readonly Tensor[];
}

/** Work that may run again on copies of its inputs. */
class Rerun<I extends Inputs<I>, T> {
  readonly #inputs: I;
  readonly #work: (inputs: I) => T;
  readonly #captured: readonly tf.Tensor[];
  /** One copy of each input. The tape may dispose some copies and recompute them. */
  readonly #saved: tf.Tensor[];
  readonly #index: ReadonlyMap<number, number>;
  #again: Again | null = null;

  constructor(inputs: I, work: (inputs: I) => T, { captured }: Watched) {
    this.#inputs = inputs;
    this.#work = work;
    this.#captured = [...captured];
    const given = new Map(tensorsIn(Object.values(inputs)).map((x) => [x.id, x] as const));
    this.#index = new Map([...given.keys()].map((id, i) => [id, i]));
    this.#saved = untaped(() => [...given.values()].map((x) => asTf(keep(clone(x)))));
  }

  #copy(x: Tensor): Tensor {
    const at = this.#index.get(x.id);
    return at === undefined ? x : fromTf(this.#saved[at]!);
  }

  get #sources(): Tensor[] {
    return this.#captured.map((x) => this.#copy(fromTf(x)));
  }

  get results(): readonly Tensor[] {
    return this.#run().results;
  }

  #run(): Again {
    if (this.#again !== null) return this.#again;
    const tape = new Tape(this.#sources);
    const inputs = mapInputs(this.#inputs, (x) => this.#copy(x));
    const last = newestId();
    const results = tensorsIn(tape.record(() => tidy(() => this.#work(inputs))));
    const made = results.filter(({ id }) => id > last).map(keep);
    this.#again = { tape, results, made };
    return this.#again;
  }

  #end(): void {
    this.#again?.tape.release();
    for (const tensor of this.#again?.made ?? []) tensor.dispose();
  }

  /** @param outputs results that gradients may reach, and their places among all results */
  node(outputs: readonly (readonly [place: number, output: tf.Tensor])[]): TapeNode {
    return {
      kernelName: 'Recompute',
      inputs: Object.fromEntries(this.#captured.entries()),
      outputs: outputs.map(([, output]) => output),
      saved: this.#saved,
      gradient: (dys) => this.#gradients(dys.map((dy, i) => [outputs[i]![0], dy])),
      end: () => this.#end(),
    };
  }

  #gradients(
    dys: readonly (readonly [place: number, dy: tf.Tensor | null])[],
  ): Readonly<Record<string, () => tf.Tensor>> {
    const { tape, results } = this.#run();
    const seeds = dys.flatMap(([i, dy]) => (dy === null ? [] : [[results[i]!, fromTf(dy)] as const]));
    const gradients = tape.backward(seeds);
    const found = this.#sources.map(({ id }, i) => [i, gradients.get(id)] as const);
    return Object.fromEntries(
      found.flatMap(([i, gradient]) => (gradient === undefined ? [] : [[i, () => gradient as tf.Tensor]])),
    );
  }
}
