import type { Tensor } from '@moect/core';
import {
  activate,
  add,
  chooseExperts,
  combineProducts,
  groupedMatMul,
  linear,
  mul,
  reshape,
  sigmoid,
  slotRows,
  sortByExpert,
  swiglu,
} from '@moect/tensor';
import { isMixture } from './layout.ts';
import type { FfnSpec, MixtureSpec } from './model-family.ts';
import type { SitePass } from './site-pass.ts';

const gated = (gate: Tensor, up: Tensor, activation: FfnSpec['activation']): Tensor =>
  activation === 'silu' ? swiglu(gate, up) : mul(activate(gate, activation), up);

function dense({ gate, up, down, activation }: FfnSpec, normed: Tensor, pass: SitePass): Tensor {
  if (gate === undefined) return pass.linear(down.name, activate(pass.linear(up.name, normed), activation));
  const opened = pass.linear(gate.name, normed);
  const inner = pass.linear(up.name, normed);
  return pass.linear(down.name, gated(opened, inner, activation));
}

/** The base's own experts, dropless: a token's result does not depend on its neighbours. */
function mixture(spec: MixtureSpec, normed: Tensor, pass: SitePass): Tensor {
  const { router, experts, topK, renormalize, activation, shared } = spec;
  const weight = (module: { readonly name: string }): Tensor => pass.weight(`${module.name}.weight`);
  const hidden = reshape(normed, [-1, normed.shape[2]!]);
  const { indices, weights } = chooseExperts(linear(hidden, weight(router)), topK, renormalize);
  const order = sortByExpert(indices, router.shape[0]!);
  const rows = slotRows(hidden, order);
  const opened = groupedMatMul(rows, weight(experts.gate), order.offsets);
  const inner = gated(opened, groupedMatMul(rows, weight(experts.up), order.offsets), activation);
  const mixed = reshape(combineProducts(inner, weight(experts.down), order, weights), normed.shape);
  if (shared === undefined) return mixed;
  const share = sigmoid(linear(normed, weight(shared.gate)));
  return add(mixed, mul(dense(shared.ffn, normed, pass), share));
}

/** FFN(z) of the base. @param normed [batch, time, hiddenSize] */
export function feedForward(spec: FfnSpec | MixtureSpec, normed: Tensor, pass: SitePass): Tensor {
  return isMixture(spec) ? mixture(spec, normed, pass) : dense(spec, normed, pass);
}
