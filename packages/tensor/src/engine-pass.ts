import type { TapeNode } from './tape-node.ts';
import { tf } from './tf.ts';

/** Records operations while they run. */
export interface Recorder {
  /** Whether to record an operation on these inputs and keep the tensors that its gradient reads. */
  holds(inputs: readonly tf.Tensor[]): boolean;
  /** Whether the gradient reads the values of the saved tensor at `index`, not its shape alone. */
  reads(kernelName: string, inputs: TapeNode['inputs'], index: number): boolean;
  add(node: TapeNode): void;
  /** Notes an operation that is not recorded. */
  note(node: TapeNode, inputs: readonly tf.Tensor[]): void;
}

type Attributes = Readonly<Record<string, unknown>>;
type Gradients = Readonly<Record<string, () => tf.Tensor>>;
type GradientFunction = (
  dys: tf.Tensor | readonly tf.Tensor[],
  saved: readonly tf.Tensor[],
  attrs: Attributes | undefined,
) => Gradients;

/** A kernel by name, or the two functions of an operation with its own gradient. */
interface Call {
  readonly kernelName?: string;
  readonly inputs: TapeNode['inputs'];
  readonly attrs?: Attributes;
  readonly forwardFunc?: (
    backend: object,
    save: (tensors: readonly tf.Tensor[]) => void,
  ) => tf.Tensor | tf.Tensor[];
  /** `forwardFunc` leaves no tensors but its results. */
  readonly isTidy?: boolean;
  readonly backwardsFunc?: GradientFunction;
}

/** A tidy, or one operation of TensorFlow.js. */
interface Scope {
  readonly id: number;
  readonly name: string;
  readonly track: tf.Tensor[];
}

/** The parts of TensorFlow.js's engine (4.22, the last of its line) that run operations; its types hide them. */
interface Engine {
  readonly state: {
    activeTape: unknown;
    gradientDepth: number;
    kernelDepth: number;
    readonly profiling: boolean;
    activeScope: Scope | null;
    readonly scopeStack: Scope[];
    nextScopeId: number;
  };
  readonly backend: object;
  readonly backendName: string | null;
  nextTensorId(): number;
  track(tensor: tf.Tensor): void;
  endScope(result: unknown): void;
  makeTensorFromTensorInfo(info: tf.TensorInfo): tf.Tensor;
  runKernel(kernelName: string, inputs: TapeNode['inputs'], attrs?: Attributes): tf.Tensor | tf.Tensor[];
  runKernelFunc(call: Call): tf.Tensor | tf.Tensor[];
}

interface Kernel {
  readonly run: (call: object) => tf.TensorInfo | tf.TensorInfo[];
  readonly gradient: ReturnType<typeof tf.getGradient> | undefined;
}

const engine = tf.engine() as unknown as Engine;

/** Kernels that this pass has looked up. */
let known: Map<string, Kernel> | null = null;
let backendName: string | null = null;

/**
 * Runs `work`, a whole pass of a model, with less bookkeeping for each operation than the engine's own: kernels are
 * looked up once, and a tensor is saved only if a gradient will be computed that reads it. JavaScript between
 * operations runs on cold caches, so each line of it costs time. In debug mode, under `tf.profile` and in the
 * engine's own tests the engine runs everything itself.
 */
export function inPass<T>(work: () => T): T {
  const env = tf.env();
  const isWatched = engine.state.profiling || env.getBool('DEBUG') || env.getBool('IS_TEST');
  if (known !== null || engine.backendName === null || isWatched) return work();
  known = new Map();
  Object.assign(engine, lean);
  try {
    return work();
  } finally {
    known = null;
    for (const name of Object.keys(lean)) Reflect.deleteProperty(engine, name);
  }
}

/** Whether the innermost scope will dispose this tensor unless it returns it. */
export function madeHere(tensor: tf.Tensor): boolean {
  const { kept, scopeId } = tensor as Held;
  return !kept && scopeId === engine.state.activeScope?.id;
}

function kernelOf(name: string): Kernel {
  if (backendName !== engine.backendName) {
    known!.clear();
    backendName = engine.backendName;
  }
  const found = known!.get(name);
  if (found !== undefined) return found;
  const config = tf.getKernel(name, backendName!);
  if (config == null) throw new Error(`Kernel '${name}' not registered for backend '${backendName}'`);
  const kernel = { run: config.kernelFunc as unknown as Kernel['run'], gradient: tf.getGradient(name) };
  known!.set(name, kernel);
  return kernel;
}

function runKernel(
  kernelName: string,
  inputs: TapeNode['inputs'],
  attrs?: Attributes,
): tf.Tensor | tf.Tensor[] {
  return runKernelFunc({ kernelName, inputs, ...(attrs && { attrs }) });
}

function tensorOf(info: tf.TensorInfo): tf.Tensor {
  // some kernels of tfjs-node return tensors
  return info instanceof tf.Tensor ? info : engine.makeTensorFromTensorInfo(info);
}

/** A second handle on the values, outside all scopes. */
function heldCopy(x: tf.Tensor): tf.Tensor {
  const copy = tensorOf(
    kernelOf('Identity').run({ inputs: { x }, attrs: {}, backend: engine.backend }) as tf.TensorInfo,
  );
  return tf.keep(copy);
}

/** A tensor as it is after dispose: shape and dtype only. */
function shapeOnly({ shape, dtype, dataId }: tf.Tensor): tf.Tensor {
  const tensor = new tf.Tensor(shape, dtype, dataId, engine.nextTensorId());
  return Object.assign(tensor, { isDisposedInternal: true });
}

const present = (inputs: TapeNode['inputs']): tf.Tensor[] => {
  const list: tf.Tensor[] = [];
  for (const name in inputs) if (inputs[name] != null) list.push(inputs[name]);
  return list;
};

/** Replaces the engine's method: runs an operation and reports it to the tape that records, if any. */
function runKernelFunc(call: Call): tf.Tensor | tf.Tensor[] {
  const { state } = engine;
  const recorder = state.gradientDepth > 0 && state.kernelDepth === 0 ? (state.activeTape as Recorder) : null;
  const given = recorder === null ? [] : present(call.inputs);
  const isHeld = recorder?.holds(given) ?? false;
  state.kernelDepth++;
  let done: Done;
  try {
    done = call.kernelName === undefined ? runCustom(call, isHeld) : runNamed(call, isHeld ? recorder : null);
  } finally {
    state.kernelDepth--;
  }
  if (recorder !== null) {
    const { outputs, saved, gradient } = done;
    const { inputs, attrs, kernelName = 'Custom' } = call;
    const node = { kernelName, inputs, outputs, saved };
    if (isHeld)
      recorder.add({ ...node, ...(gradient && { gradient: withZeros(outputs, saved, attrs, gradient) }) });
    else recorder.note(node, given);
  }
  return done.isList ? done.outputs : done.outputs[0]!;
}

interface Done {
  readonly outputs: tf.Tensor[];
  readonly isList: boolean;
  readonly saved: tf.Tensor[];
  readonly gradient: GradientFunction | undefined;
}

function runNamed(call: Call, recorder: Recorder | null): Done {
  const { inputs, attrs } = call;
  const kernelName = call.kernelName!;
  const { run, gradient } = kernelOf(kernelName);
  const result = run({ inputs, attrs, backend: engine.backend });
  const isList = Array.isArray(result);
  const outputs = isList ? result.map(tensorOf) : [tensorOf(result)];
  const saved: tf.Tensor[] = [];
  if (recorder !== null && gradient !== undefined) {
    const named = gradient.saveAllInputs === true ? Object.keys(inputs) : (gradient.inputsToSave ?? []);
    const read = [
      ...named.map((name) => inputs[name]!),
      ...outputs.filter((_, i) => gradient.outputsToSave?.[i] === true),
    ];
    for (const [i, x] of read.entries()) {
      saved.push(recorder.reads(kernelName, inputs, i) ? heldCopy(x) : shapeOnly(x));
    }
  }
  return { outputs, isList, saved, gradient: gradient?.gradFunc as unknown as GradientFunction | undefined };
}

function runCustom({ forwardFunc, backwardsFunc, isTidy }: Call, isHeld: boolean): Done {
  let saved: tf.Tensor[] = [];
  const save = (tensors: readonly tf.Tensor[]): void => {
    if (isHeld) saved = tensors.map(heldCopy);
  };
  const run = (): tf.Tensor | tf.Tensor[] => forwardFunc!(engine.backend, save);
  const result = isTidy ? run() : tf.tidy(run);
  const isList = Array.isArray(result);
  return { outputs: isList ? result : [result], isList, saved, gradient: backwardsFunc };
}

/** Replaces the engine's method, which collects results of any form in a set; most scopes end with one tensor. */
function endScope(result: unknown): void {
  const { state } = engine;
  const scope = state.activeScope!;
  if (!(result instanceof tf.Tensor)) {
    Object.getPrototypeOf(engine).endScope.call(engine, result);
    return;
  }
  for (const tensor of scope.track) if (!(tensor as Held).kept && tensor !== result) tensor.dispose();
  state.scopeStack.pop();
  state.activeScope = state.scopeStack.at(-1) ?? null;
  const { kept, scopeId } = result as Held;
  if (!kept && scopeId === scope.id) engine.track(result);
}

type Held = tf.Tensor & { readonly kept: boolean; readonly scopeId: number };

const lean = { runKernel, runKernelFunc, endScope };

/** A gradient function expects zeros where nothing depends on an output. */
function withZeros(
  outputs: readonly tf.Tensor[],
  saved: readonly tf.Tensor[],
  attrs: Attributes | undefined,
  gradient: GradientFunction,
): NonNullable<TapeNode['gradient']> {
  return (dys) => {
    const all = dys.map((dy, i) => dy ?? tf.zeros(outputs[i]!.shape, outputs[i]!.dtype));
    return gradient(all.length > 1 ? all : all[0]!, saved, attrs);
  };
}
