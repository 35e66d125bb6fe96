import { ShapeMismatchError } from '@moect/core';
import type { TensorInfo } from '@tensorflow/tfjs-core';
import { inputsOf, type KernelCall, numberAttr, type TakeInput } from './kernel-inputs.ts';

interface RouterInputs {
  readonly take: TakeInput;
  /** [rows, n] */
  readonly logits: TensorInfo;
}

export interface ChoiceInputs extends RouterInputs {
  readonly params: Readonly<Record<'rows' | 'n' | 'k' | 'renormalize', number>>;
}

/** What the choice of k of n experts and its gradient read. @throws ShapeMismatchError where there are fewer than k */
export function choiceInputs(name: string, call: KernelCall): ChoiceInputs {
  const take = inputsOf(name, call);
  const logits = take('logits', 'float32', ['rows', 'n']);
  const [rows, n] = logits.shape as [number, number];
  const k = numberAttr(call, 'k');
  if (!Number.isInteger(k) || k < 1 || k > n) {
    const expected = `at least k = ${k} columns, and k at least 1`;
    throw new ShapeMismatchError('MoectChooseExperts: logits', logits.shape, expected);
  }
  const renormalize = call.attrs['renormalize'] === true ? 1 : 0;
  return { take, logits, params: { rows, n, k, renormalize } };
}

export interface RouterLossInputs extends RouterInputs {
  readonly params: Readonly<Record<'rows' | 'n', number>>;
  /** [rows] */
  readonly mask: TensorInfo;
  /** [n] for the balance loss, undefined for the z-loss. */
  readonly tokensPerExpert: TensorInfo | undefined;
}

/** What a loss of router logits and its gradient read. */
export function routerLossInputs(name: string, call: KernelCall): RouterLossInputs {
  const take = inputsOf(name, call);
  const logits = take('logits', 'float32', ['rows', 'n']);
  const [rows, n] = logits.shape as [number, number];
  const mask = take('mask', 'float32', [rows]);
  const isBalance = call.attrs['kind'] === 'balance';
  const tokensPerExpert = isBalance ? take('tokensPerExpert', 'float32', [n]) : undefined;
  return { take, logits, mask, tokensPerExpert, params: { rows, n } };
}
