import { LinearCrossEntropy, sizeOf, TimesScalar } from '@moect/kernels';
import type { TensorInfo } from '@tensorflow/tfjs-core';
import type { MoectWasmBackend, WasmOutput } from '../backend.ts';
import type { CompressedMatrix } from '../compressed-matrix.ts';
import { KIND, OP } from '../generated/wasm-ops.ts';
import { implement, type WasmCall } from '../kernel.ts';
import { binary } from '../kernels/binary.ts';
import { type OperandB, operandB, packedBytes, packOperandB, productPacked } from '../kernels/mat-mul.ts';
import { floatBits } from '../layout.ts';
import { checkRange, withTemporary } from './scratch.ts';

/** Rows whose logits are held at a time. */
const ROWS = 256;
/** Rows of a weight that are packed at a time; a multiple of the length that products sum in one piece. */
const SLICE = 1024;
/** An exponential costs about as much as this many copied elements. */
const WORK = 4;

interface Term {
  readonly input: TensorInfo;
  /** Width of the input. */
  readonly width: number;
  readonly weight: number | CompressedMatrix;
  /** Rows of the weight: the whole vocabulary, or the listed tokens. */
  readonly logits: number;
  /** Address of the listed tokens; 0: all tokens. */
  readonly tokens: number;
  readonly inputGradient: WasmOutput | undefined;
  readonly weightGradient: WasmOutput | undefined;
}

interface Problem {
  readonly backend: MoectWasmBackend;
  readonly terms: readonly Term[];
  readonly vocabSize: number;
  readonly targets: number;
  readonly losses: number;
  /** float bits */
  readonly scale: number;
  /** float bits; 0: the logits are not capped */
  readonly softcap: number;
  readonly withGradients: boolean;
  /** Address of one packed slice. */
  readonly panels: number;
  /** Address of the logits of listed tokens, for a block of rows; 0 where no term lists any. */
  readonly listed: number;
}

const temporaries = (backend: MoectWasmBackend): { alloc(bytes: number): number; release(): void } => {
  const held: [pointer: number, bytes: number][] = [];
  return {
    alloc(bytes) {
      const pointer = backend.temporary(bytes);
      held.push([pointer, bytes]);
      return pointer;
    },
    release() {
      for (const [pointer, bytes] of held) backend.releaseTemporary(pointer, bytes);
    },
  };
};

/** Calls `use` for slices of a weight's rows. */
function forSlices(
  { width, weight, logits }: Term,
  use: (from: number, count: number, slice: OperandB) => void,
): void {
  for (let from = 0; from < logits; from += SLICE) {
    const slice = typeof weight === 'number' ? weight + from * width * 4 : weight.fromRow(from);
    use(from, Math.min(SLICE, logits - from), slice);
  }
}

/** Copies the listed tokens' columns of `whole` [m, vocabSize] to `p.listed` [m, listed], or adds these to them. */
function moveColumns(
  { backend: { runtime }, vocabSize, listed }: Problem,
  { tokens, logits: n }: Term,
  operation: 'TAKE_COLUMNS' | 'ADD_TO_COLUMNS',
  whole: number,
  m: number,
): void {
  const args = [m, 1, whole, tokens, listed, vocabSize, n];
  runtime.dispatch(OP[operation], args, runtime.chunks(m, n * WORK));
}

/** Logits of rows first … first+m−1, then their losses; with gradients, their slopes replace the logits. */
function logitsAndLosses(p: Problem, logits: number, first: number, m: number): void {
  const { backend, terms, vocabSize: n } = p;
  for (const [i, term] of terms.entries()) {
    const { input, width: k, logits: own, tokens } = term;
    const [out, adds] = tokens === 0 ? [logits, i > 0] : [p.listed, false];
    forSlices(term, (from, count, slice) => {
      const sizes = { m, n: count, k, transposeA: false, transposeB: true };
      packOperandB(backend, slice, p.panels, sizes);
      const rows = backend.pointer(input) + first * k * 4;
      productPacked(backend, rows, p.panels, out + from * 4, sizes, adds, { c: own });
    });
    if (tokens !== 0) moveColumns(p, term, 'ADD_TO_COLUMNS', logits, m);
  }
  const { runtime } = backend;
  const chunks = runtime.chunks(m, n * WORK);
  if (p.softcap !== 0) runtime.dispatch(OP.SOFTCAP, [m, 1, logits, n, p.softcap], chunks);
  const [targets, losses] = [p.targets + first * 4, p.losses + first * 4];
  if (p.withGradients) {
    runtime.dispatch(OP.CROSS_ENTROPY_SLOPES, [m, 1, logits, targets, losses, n, p.scale, p.softcap], chunks);
  } else {
    withTemporary(backend, m * 4, (logsumexp) => {
      runtime.dispatch(OP.CROSS_ENTROPY, [m, 1, logits, targets, losses, logsumexp, n], chunks);
    });
  }
}

/** Adds the rows' contribution to all gradients, from the slopes. */
function addGradients(p: Problem, all: number, first: number, m: number): void {
  const { backend, terms } = p;
  for (const term of terms) {
    const { input, width, inputGradient, weightGradient, logits, tokens } = term;
    const offset = first * width * 4;
    const slopes = tokens === 0 ? all : p.listed;
    if (tokens !== 0) moveColumns(p, term, 'TAKE_COLUMNS', all, m);
    forSlices(term, (from, count, slice) => {
      const toInput = { m, n: width, k: count, transposeA: false, transposeB: false };
      packOperandB(backend, slice, p.panels, toInput);
      const target = inputGradient!.pointer + offset;
      productPacked(backend, slopes + from * 4, p.panels, target, toInput, from > 0, { a: logits });
    });
    if (weightGradient === undefined) continue;
    const toWeight = { m: logits, n: width, k: m, transposeA: true, transposeB: false };
    withTemporary(backend, packedBytes(m, width), (panels) => {
      packOperandB(backend, backend.pointer(input) + offset, panels, toWeight);
      productPacked(backend, slopes, panels, weightGradient.pointer, toWeight, first > 0);
    });
  }
}

function termOf({ backend, inputs, attrs }: WasmCall<typeof LinearCrossEntropy>, i: number): Term {
  const [input, weight] = [inputs.input[i]!, inputs.weight[i]!];
  const width = weight.shape[1]!;
  const vocabSize = inputs.weight[0]!.shape[0]!;
  const { withGradients } = attrs;
  const gradient = ({ shape }: TensorInfo): WasmOutput => backend.output(shape, 'float32');
  const inputGradient = withGradients ? gradient(input) : undefined;
  const weightGradient = withGradients && attrs.trainable[i]! ? gradient(weight) : undefined;
  const listed = inputs.tokens[i]!;
  checkRange(backend, `${LinearCrossEntropy.name}: tokens${i}`, listed, 0, vocabSize);
  const tokens = listed.shape[0] === 0 ? 0 : backend.pointer(listed);
  const logits = weight.shape[0]!;
  const own = operandB(backend, weight);
  return { input, width, weight: own, logits, tokens, inputGradient, weightGradient };
}

/** Sets a weight's gradient to zero: without rows, no block writes it. */
function clear(backend: MoectWasmBackend, { info, pointer }: WasmOutput): void {
  const size = sizeOf(info.shape);
  backend.runtime.dispatch(OP.FILL_WORDS, [pointer, size, 0]);
}

function linearCrossEntropy(
  call: WasmCall<typeof LinearCrossEntropy>,
): readonly [TensorInfo, ...TensorInfo[]] {
  const { backend } = call;
  const { targets } = call.inputs;
  const { rows } = call.dims;
  const vocabSize = call.inputs.weight[0]!.shape[0]!;
  const at = backend.pointer(targets);
  checkRange(backend, `${LinearCrossEntropy.name}: targets`, targets, -1, vocabSize);
  const { alloc, release } = temporaries(backend);
  try {
    const terms = call.inputs.input.map((_, i) => termOf(call, i));
    const losses = backend.output([rows], 'float32');
    const [scale, softcap] = [floatBits(call.attrs.scale), floatBits(call.attrs.softcap)];
    const { withGradients } = call.attrs;
    const count = Math.min(SLICE, vocabSize);
    const bytes = terms.map(({ width }) => Math.max(packedBytes(width, count), packedBytes(count, width)));
    const panels = alloc(Math.max(...bytes));
    const most = Math.min(rows, ROWS);
    const widest = Math.max(0, ...terms.map((term) => (term.tokens === 0 ? 0 : term.logits)));
    const listed = widest === 0 ? 0 : alloc(most * widest * 4);
    const places = { targets: at, losses: losses.pointer, panels, listed };
    const problem = { backend, terms, vocabSize, ...places, scale, softcap, withGradients };
    const logits = alloc(most * vocabSize * 4);
    for (let first = 0; first < rows; first += ROWS) {
      const m = Math.min(ROWS, rows - first);
      logitsAndLosses(problem, logits, first, m);
      if (withGradients) addGradients(problem, logits, first, m);
    }
    const weights = terms.flatMap(({ weightGradient }) => weightGradient ?? []);
    if (rows === 0) for (const weight of weights) clear(backend, weight);
    const inputs = terms.flatMap(({ inputGradient }) => inputGradient ?? []);
    return [losses.info, ...[...inputs, ...weights].map(({ info }) => info)];
  } finally {
    release();
  }
}

/** x · scalar; an alias of x where the scalar is 1. */
function timesScalar({ inputs: { x, scalar }, backend }: WasmCall<typeof TimesScalar>): TensorInfo {
  if (backend.scalar(scalar) === 1) return backend.alias(x, x.shape);
  return binary(backend, KIND.B_MUL, x, scalar);
}

/** Cross-entropy of a linear layer's logits in blocks of rows, with its gradients. */
export function registerLinearCrossEntropy(): void {
  implement(LinearCrossEntropy, linearCrossEntropy);
  implement(TimesScalar, timesScalar);
}
