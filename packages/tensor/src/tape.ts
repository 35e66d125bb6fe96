import type { Tensor } from '@moect/core';
import { inPass, madeHere, type Recorder } from './engine-pass.ts';
import { withTotal } from './gradient-total.ts';
import { accumulate as addUp } from './ops/accumulate.ts';
import { RemadeValues } from './remade-values.ts';
import { readsSaved, type TapeNode } from './tape-node.ts';
import { asTf, fromTf, tf } from './tf.ts';

/** The part of TensorFlow.js's engine (4.22, the last of its line) that records; its types hide some of it. */
interface EngineState {
  /** Each operation is pushed when it is done. */
  activeTape: { push(node: TapeNode): void } | null;
  gradientDepth: number;
  /** Above 0 nothing is recorded, except the copies that the engine saves. */
  kernelDepth: number;
}

/** Tracked tensors that an unrecorded computation used. */
export interface Watched {
  readonly captured: Set<tf.Tensor>;
  /** Ids of the results computed from captured tensors. */
  readonly derived: Set<number>;
}

const engine = tf.engine() as unknown as { readonly state: EngineState };
let active: Tape | null = null;

/** The tape that records now. */
export const activeTape = (): Tape | null => active;

/** Gradients flow through float32 only: choices, counts and comparisons are data. */
const carriesGradients = ({ dtype }: tf.Tensor): boolean => dtype === 'float32';

/** False where no gradient will be computed: under a {@link Tape}, for tensors that depend on no source. */
export const gradientReaches = (x: Tensor): boolean => active === null || active.tracks(x);

/** Runs `work` without recording it. */
export function untaped<T>(work: () => T): T {
  engine.state.kernelDepth++;
  try {
    return work();
  } finally {
    engine.state.kernelDepth--;
  }
}

/**
 * Records the operations between sources and results. Operations that depend on no source are not recorded, so
 * nothing is kept for them; TensorFlow.js records all operations and drops these only after the gradients.
 */
export class Tape implements Recorder {
  readonly #sources: ReadonlySet<number>;
  /** Ids of the sources and of all results computed from them. */
  readonly #tracked: Set<number>;
  readonly #nodes: TapeNode[] = [];
  /** Recomputes saved tensors that are not held. */
  readonly #remade = new RemadeValues();
  #watched: Watched | null = null;

  constructor(sources: Iterable<Tensor>) {
    this.#sources = new Set([...sources].map(({ id }) => id));
    this.#tracked = new Set(this.#sources);
  }

  /** Runs `work` and records it. A tape records once. */
  record<T>(work: () => T): T {
    const { activeTape, gradientDepth, kernelDepth } = engine.state;
    const outer = active;
    active = this;
    Object.assign(engine.state, { activeTape: this, gradientDepth: 1, kernelDepth: 0 });
    try {
      return inPass(work);
    } catch (error) {
      this.release();
      throw error;
    } finally {
      active = outer;
      Object.assign(engine.state, { activeTape, gradientDepth, kernelDepth });
    }
  }

  /** Whether `x` is a source or was computed from one. */
  tracks({ id }: Tensor): boolean {
    return this.#tracked.has(id) || this.#watched?.derived.has(id) === true;
  }

  /** Records a finished operation; the engine calls this where it runs operations itself. */
  push(node: TapeNode): void {
    const inputs = Object.values(node.inputs).filter((input) => input != null);
    // inside an operation the engine records the copies that it saves; no gradient flows through those copies
    const isInside = engine.state.kernelDepth > 0;
    if (isInside || !this.holds(inputs)) {
      if (!isInside) this.note(node, inputs);
      for (const tensor of node.saved ?? []) tensor.dispose();
      return;
    }
    for (const [i, tensor] of (node.saved ?? []).entries()) {
      if (!this.reads(node.kernelName, node.inputs, i)) tensor.dispose();
    }
    this.add(node);
  }

  holds(inputs: readonly tf.Tensor[]): boolean {
    if (this.#watched !== null) return false;
    for (const { id } of inputs) if (this.#tracked.has(id)) return true;
    return false;
  }

  reads(kernelName: string, inputs: TapeNode['inputs'], index: number): boolean {
    return readsSaved(kernelName, inputs, index, ({ id }) => this.#tracked.has(id));
  }

  note(node: TapeNode, inputs: readonly tf.Tensor[]): void {
    if (this.#watched !== null) watchNode(this.#watched, node, inputs, this.#tracked);
  }

  add(node: TapeNode): void {
    for (const output of node.outputs) if (carriesGradients(output)) this.#tracked.add(output.id);
    this.#hold(node);
  }

  /** Records an operation whose results can be recomputed; it has no gradient where none can flow. */
  pushRemade(node: TapeNode, results: readonly tf.Tensor[], make: () => readonly tf.Tensor[]): void {
    this.add(node);
    this.#remade.add(results, () => {
      this.#remade.fetch(node);
      return make();
    });
  }

  #hold(node: TapeNode): void {
    this.#remade.letGo(node);
    this.#nodes.push(node);
  }

  /** Runs `work` unrecorded and returns the tracked tensors that it used; null inside another `watch`. */
  watch<T>(work: () => T): { readonly result: T; readonly watched: Watched } | null {
    if (this.#watched !== null) return null;
    const watched: Watched = { captured: new Set(), derived: new Set() };
    this.#watched = watched;
    try {
      return { result: work(), watched };
    } finally {
      this.#watched = null;
    }
  }

  /**
   * Gradients of the sources that the seeds depend on, by id of the source. Each saved tensor and each intermediate
   * gradient is disposed after its last use; the caller disposes the returned ones. A tape runs backward once.
   * @param seeds results with their gradients from outside, which are not disposed
   */
  backward(seeds: readonly (readonly [result: Tensor, dy: Tensor])[]): Map<number, tf.Tensor> {
    const gradients = new Map<number, tf.Tensor>();
    const walk = (): Map<number, tf.Tensor> => {
      try {
        for (const [result, dy] of seeds) accumulate(gradients, result.id, tf.clone(asTf(dy)));
        for (let node = this.#nodes.pop(); node !== undefined; node = this.#nodes.pop()) {
          this.#step(node, gradients);
        }
        return gradients;
      } catch (error) {
        this.release();
        for (const gradient of gradients.values()) gradient.dispose();
        throw error;
      }
    };
    return untaped(() => inPass(walk));
  }

  /** Propagates the gradients of a node's outputs to its inputs. */
  #step(node: TapeNode, gradients: Map<number, tf.Tensor>): void {
    const dys = node.outputs.map(({ id }) => gradients.get(id) ?? null);
    if (dys.some((dy) => dy !== null)) {
      this.#remade.fetch(node);
      const found = tf.tidy(() => this.#inputGradients(node, dys, gradients)) as unknown as [
        number,
        tf.Tensor,
      ][];
      for (const { id } of node.outputs) {
        if (this.#sources.has(id)) continue;
        gradients.get(id)?.dispose();
        gradients.delete(id);
      }
      for (const [id, gradient] of found) accumulate(gradients, id, gradient);
    }
    this.#end(node);
  }

  #end(node: TapeNode): void {
    for (const tensor of node.saved ?? []) tensor.dispose();
    node.end?.();
  }

  /** Gradients not yet added to the running gradients, by id of the input. */
  #inputGradients(
    node: TapeNode,
    dys: readonly (tf.Tensor | null)[],
    gradients: ReadonlyMap<number, tf.Tensor>,
  ): [number, tf.Tensor][] {
    if (node.gradient === undefined) throw new Error(`Operation ${node.kernelName} has no gradient.`);
    const byInput = node.gradient(dys);
    const found: [number, tf.Tensor][] = [];
    for (const [name, input] of Object.entries(node.inputs)) {
      if (input == null || !this.#tracked.has(input.id)) continue;
      const ask = byInput[name];
      if (ask === undefined) continue;
      const sofar = gradients.get(input.id);
      const gradient = withTotal(sofar, ask);
      if (gradient === sofar) continue;
      if (!tf.util.arraysEqual(gradient.shape, input.shape)) {
        const shapes = `[${gradient.shape}], the input [${input.shape}]`;
        throw new Error(`Operation ${node.kernelName}: the gradient of input '${name}' has shape ${shapes}.`);
      }
      // clones where needed: an operation may return the gradient it received, or one tensor for two inputs
      const isOwn = madeHere(gradient) && found.every(([, other]) => other !== gradient);
      found.push([input.id, isOwn ? gradient : tf.clone(gradient)]);
    }
    return found;
  }

  /** Frees all tensors held for a backward pass that will not run. */
  release(): void {
    for (const node of this.#nodes) this.#end(node);
    this.#nodes.length = 0;
  }
}

function watchNode(
  { captured, derived }: Watched,
  { outputs }: TapeNode,
  inputs: readonly tf.Tensor[],
  tracked: ReadonlySet<number>,
): void {
  const used = inputs.filter(({ id }) => tracked.has(id));
  for (const input of used) captured.add(input);
  if (used.length === 0 && !inputs.some(({ id }) => derived.has(id))) return;
  for (const output of outputs) if (carriesGradients(output)) derived.add(output.id);
}

function accumulate(gradients: Map<number, tf.Tensor>, id: number, gradient: tf.Tensor): void {
  const sofar = gradients.get(id);
  const sum = sofar === undefined ? gradient : asTf(addUp([fromTf(sofar)], [fromTf(gradient)])[0]!);
  gradients.set(id, sum);
}
