import { LinearCrossEntropy, TimesScalar } from '@moect/kernels';
import { getKernel, type TensorInfo } from '@tensorflow/tfjs-core';
import type { MoectWebgpuBackend } from '../backend.ts';
import { implement, type WebgpuCall, type WebgpuKernel } from '../kernel.ts';
import { output, type Program, runProgram, withScratch } from '../program.ts';
import { bindable } from '../tensor-part.ts';
import { LOG_SUM_EXP } from './cross-entropy.ts';
import { product } from './mat-mul.ts';
import { rowProgram } from './row-program.ts';

/** Number of logits held at a time: 64 MiB. */
const MAX_LOGITS = 2 ** 24;

const eachLogit = (statements: string): string =>
  `for (var j = lane; j < p.vocabSize; j += LANES) { ${statements} }`;

/** Caps the logits of a row where there is a cap; tanh of large numbers overflows on some adapters. */
const CAP = `
  if (p.softcap != 0.0) {
    let first = group * p.vocabSize;
    ${eachLogit('logits[first + j] = p.softcap * tanh(clamp(logits[first + j] / p.softcap, -15.0, 15.0));')}
    storageBarrier();
  }`;

/** Writes the losses, and replaces the logits by their slopes, (softmax − one-hot) · scale. */
const SLOPES = rowProgram({
  name: 'crossEntropySlopes',
  reads: { labels: 'i32' },
  writes: { logits: 'f32', losses: 'f32' },
  params: { vocabSize: 'i32', firstRow: 'i32', scale: 'f32', softcap: 'f32' },
  body: `${CAP}
  let label = labels[p.firstRow + group];
  ${LOG_SUM_EXP}
  if (lane == 0) {
    losses[p.firstRow + group] = select(logSumExp - logits[at + max(label, 0)], 0.0, label < 0);
  }
  storageBarrier();
  for (var j = lane; j < p.vocabSize; j += LANES) {
    let chance = exp(logits[at + j] - logSumExp);
    var slope = p.scale * (chance - select(0.0, 1.0, j == label));
    if (p.softcap != 0.0) { slope *= 1.0 - (logits[at + j] / p.softcap) * (logits[at + j] / p.softcap); }
    logits[at + j] = select(slope, 0.0, label < 0);
  }`,
});

const LOSSES = rowProgram({
  name: 'crossEntropyLosses',
  reads: { labels: 'i32' },
  writes: { logits: 'f32', losses: 'f32' },
  params: { vocabSize: 'i32', firstRow: 'i32', scale: 'f32', softcap: 'f32' },
  body: `${CAP}
  let label = labels[p.firstRow + group];
  ${LOG_SUM_EXP}
  if (lane == 0) {
    losses[p.firstRow + group] = select(logSumExp - logits[at + max(label, 0)], 0.0, label < 0);
  }`,
});

/** Copies the columns of listed tokens out of logits, or adds to them. Each row of logits is a row of the dispatch. */
const columnsProgram = (name: string, reads: string, writes: string, body: string): Program =>
  rowProgram({
    name,
    reads: { tokens: 'i32', [reads]: 'f32' },
    writes: { [writes]: 'f32' },
    params: { vocabSize: 'i32', count: 'i32' },
    body: `
  for (var j = lane; j < p.count; j += LANES) {
    let listed = group * p.count + j;
    let whole = group * p.vocabSize + tokens[j];
    ${body}
  }`,
  });
const TAKE_COLUMNS = columnsProgram('takeColumns', 'logits', 'own', 'own[listed] = logits[whole];');
const ADD_TO_COLUMNS = columnsProgram('addToColumns', 'own', 'logits', 'logits[whole] += own[listed];');

/** Number of rows whose logits are held at a time. */
export function logitRows({ limits }: MoectWebgpuBackend, vocabSize: number): number {
  const wanted = Math.max(64, Math.floor(MAX_LOGITS / vocabSize));
  return Math.max(1, Math.min(wanted, Math.floor(bindable(limits) / vocabSize)));
}

interface Term {
  readonly input: TensorInfo;
  readonly weight: TensorInfo;
  /** [number] int32; empty: all. */
  readonly tokens: TensorInfo;
  readonly inputGradient: TensorInfo | undefined;
  readonly weightGradient: TensorInfo | undefined;
}

interface Problem {
  readonly backend: MoectWebgpuBackend;
  readonly terms: readonly Term[];
  readonly labels: TensorInfo;
  readonly losses: TensorInfo;
  readonly vocabSize: number;
  readonly scale: number;
  /** 0: the logits are not capped. */
  readonly softcap: number;
  readonly withGradients: boolean;
}

/** Calls `use` with the logits of a term: all of them, or scratch for the listed tokens'. */
function withOwnLogits(
  { backend }: Problem,
  { tokens }: Term,
  { logits, m }: { readonly logits: TensorInfo; readonly m: number },
  use: (own: TensorInfo, count: number | null) => void,
): void {
  const [count] = tokens.shape as [number];
  if (count === 0) use(logits, null);
  else withScratch(backend, m * count, (own) => use(own, count));
}

/** Adds the term's share to the logits of rows firstRow … firstRow + m − 1. */
function addTerm(p: Problem, i: number, logits: TensorInfo, firstRow: number, m: number): void {
  const { backend, vocabSize } = p;
  const term = p.terms[i]!;
  const { input, weight, tokens } = term;
  withOwnLogits(p, term, { logits, m }, (own, count) => {
    const k = weight.shape[1]!;
    const sizes = { m, n: count ?? vocabSize, k, transposeA: false, transposeB: true };
    const accumulate = count === null && i > 0;
    product(backend, input, weight, own, sizes, { aOffset: firstRow * k, accumulate });
    if (count !== null) runProgram(backend, ADD_TO_COLUMNS, m, { tokens, own, logits }, { vocabSize, count });
  });
}

/** Adds the rows' share to the gradients of a term, from the slopes. */
function addGradients(p: Problem, term: Term, logits: TensorInfo, firstRow: number, m: number): void {
  const { backend, vocabSize } = p;
  const { input, weight, tokens, inputGradient, weightGradient } = term;
  withOwnLogits(p, term, { logits, m }, (own, count) => {
    if (count !== null) runProgram(backend, TAKE_COLUMNS, m, { tokens, logits, own }, { vocabSize, count });
    const n = weight.shape[1]!;
    const toInput = { m, n, k: count ?? vocabSize, transposeA: false, transposeB: false };
    product(backend, own, weight, inputGradient!, toInput, { yOffset: firstRow * n });
    if (weightGradient === undefined) return;
    const toWeight = { m: count ?? vocabSize, n, k: m, transposeA: true, transposeB: false };
    const options = { bOffset: firstRow * n, accumulate: firstRow > 0 };
    product(backend, own, input, weightGradient, toWeight, options);
  });
}

/** Computes the losses of rows firstRow … firstRow + m − 1 and their share of the gradients. */
function block(p: Problem, logits: TensorInfo, firstRow: number, m: number): void {
  const { backend, terms, labels, losses, vocabSize, scale, softcap, withGradients } = p;
  for (const i of terms.keys()) addTerm(p, i, logits, firstRow, m);
  const program = withGradients ? SLOPES : LOSSES;
  runProgram(backend, program, m, { labels, logits, losses }, { vocabSize, firstRow, scale, softcap });
  if (withGradients) for (const term of terms) addGradients(p, term, logits, firstRow, m);
}

function linearCrossEntropy({
  backend,
  inputs: given,
  attrs,
  dims,
}: WebgpuCall<typeof LinearCrossEntropy>): readonly [TensorInfo, ...TensorInfo[]] {
  const labels = given.targets;
  const { rows } = dims;
  const vocabSize = given.weight[0]!.shape[0]!;
  const { trainable, scale, softcap, withGradients } = attrs;
  const operands = given.input.map((input, i) => ({
    input,
    weight: given.weight[i]!,
    tokens: given.tokens[i]!,
  }));
  const terms = operands.map(({ input, weight, tokens }, i) => ({
    input,
    weight,
    tokens,
    inputGradient: withGradients ? output(backend, input.shape) : undefined,
    weightGradient: withGradients && trainable[i]! ? output(backend, weight.shape) : undefined,
  }));
  const losses = output(backend, [rows]);
  const problem = { backend, terms, labels, losses, vocabSize, scale, softcap, withGradients };
  const most = Math.min(rows, logitRows(backend, vocabSize));
  withScratch(backend, Math.max(1, most * vocabSize), (logits) => {
    for (let firstRow = 0; firstRow < rows; firstRow += most) {
      block(problem, logits, firstRow, Math.min(most, rows - firstRow));
    }
  });
  const inputs = terms.flatMap(({ inputGradient }) => inputGradient ?? []);
  const weights = terms.flatMap(({ weightGradient }) => weightGradient ?? []);
  return [losses, ...inputs, ...weights];
}

/** x · scalar; x itself if the scalar is still on the host and is 1, as at the end of a backward pass. */
function timesScalar({ inputs: { x, scalar }, backend }: WebgpuCall<typeof TimesScalar>): TensorInfo {
  const { values, resource } = backend.tensorMap.get(scalar.dataId);
  if (resource == null && values != null && values[0] === 1) {
    backend.incRef(x.dataId);
    return { dataId: x.dataId, shape: x.shape, dtype: x.dtype };
  }
  const multiply = getKernel('Multiply', 'webgpu').kernelFunc as unknown as WebgpuKernel;
  return multiply({ inputs: { a: x, b: scalar }, attrs: {}, backend }) as TensorInfo;
}

/** Cross-entropy of a linear layer's logits in blocks of rows, with its gradients. */
export function registerLinearCrossEntropy(): void {
  implement(LinearCrossEntropy, linearCrossEntropy);
  implement(TimesScalar, timesScalar);
}
