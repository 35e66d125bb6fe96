import {
  ATTENTION_ROLES,
  type BaseFfn,
  type BaseModel,
  type Expert,
  type Extension,
  InvalidConfigError,
  type Json,
  type Method,
  type ParamPath,
  type ParamTree,
  type Rng,
  type Site,
  type Variable,
} from '@moect/core';
import { dispose, tidy, treeAt } from '@moect/tensor';
import type { MoeComponents } from './components.ts';
import { addVariables, distinct, makeExtension, noAttachments, overridesOf } from './extension.ts';
import { attachHeadDelta, attachLowRank, type HeadDelta, initHeadDelta } from './gated-updates.ts';
import { initLowRank } from './low-rank.ts';
import { attachBranch } from './moe-branch.ts';
import { type MoeCtConfig, type ResolvedMoeCt, resolveMoeCt } from './moe-ct-config.ts';
import { createTokenRows, initTokenRows, rowsOf, rowsOfTokens, type TokenRows } from './token-rows.ts';

type MutableAttachments = {
  ffn: Map<string, ReturnType<typeof attachBranch>>;
  linear: Map<string, ReturnType<typeof attachLowRank>>;
  head: HeadDelta['head'] | null;
  headTerms: HeadDelta['headTerms'] | null;
};

/** `model.layers.3.mlp` → `model.layers.3.moe` */
const branchName = (site: Site): ParamPath => `${site.name.slice(0, site.name.lastIndexOf('.') + 1)}moe`;

/** The base's FFN, for experts that read it: a base without a known one can still carry others. */
const ffnFor = (base: BaseModel, site: Site, { readsBaseFfn }: Expert): BaseFfn | undefined =>
  readsBaseFfn === false ? undefined : base.ffnAt(site.name);

function initBranch(base: BaseModel, site: Site, resolved: ResolvedMoeCt, rng: Rng): ParamTree {
  const { config, router, expert, fusion, sites } = resolved;
  const hasFusion = fusion.isShared !== true || site === sites[0];
  const dims = { hiddenSize: base.hiddenSize, numExperts: config.numExperts };
  const baseFfn = ffnFor(base, site, expert);
  return {
    ...(router && { router: router.init(rng.fork('router'), dims) }),
    experts: expert.init(rng.fork('experts'), dims, baseFfn),
    fusion: hasFusion ? fusion.init(rng.fork('fusion'), dims) : {},
  };
}

function attachBranches(
  base: BaseModel,
  resolved: ResolvedMoeCt,
  rng: Rng,
  parameters: Map<ParamPath, Variable>,
  attachments: MutableAttachments,
  tokenRows: TokenRows | null,
): void {
  const { config, router, expert, fusion, sites } = resolved;
  for (const [place, site] of sites.entries()) {
    const name = branchName(site);
    const rows = place === 0 ? tokenRows : null;
    if (rows !== null) addVariables(parameters, name, initTokenRows(rows, base.hiddenSize));
    tidy(() => addVariables(parameters, name, initBranch(base, site, resolved, rng.fork(name))));
    const params = treeAt(parameters, name);
    // experts in place of the FFN stand before the norm behind it; those that add to f stand beside it
    const outputNorm = expert.startsAtZero === true ? undefined : ffnFor(base, site, expert)?.outputNorm;
    const branch = attachBranch({
      ...(rows !== null && { addend: (context) => rowsOfTokens(rows, rowsOf(params), context) }),
      ...(outputNorm && { outputNorm }),
      router,
      expert,
      fusion,
      numExperts: config.numExperts,
      lossScale: 1 / sites.length,
      params,
    });
    attachments.ffn.set(site.name, branch);
  }
}

/** Attention linears of the sparse layers; a gate opens them only where a branch lies below. */
function attentionSites(base: BaseModel, { config, fusion, sites }: ResolvedMoeCt): Site[] {
  if (config.attentionRank === 0) return [];
  const layers = sites.map(({ layer }) => layer);
  const open = fusion.alwaysOn === true ? layers : layers.slice(1);
  const found = base.sites.filter(
    (site) => site.kind === 'linear' && open.includes(site.layer) && ATTENTION_ROLES.includes(site.role),
  );
  if (found.length > 0) return found;
  throw new InvalidConfigError('moe-ct', [
    {
      path: 'attentionRank',
      message: fusion.alwaysOn
        ? 'this base has no attention linears'
        : 'needs a branch below: with one sparse layer only a fusion that is always on can use it',
    },
  ]);
}

function attachUpdates(
  base: BaseModel,
  resolved: ResolvedMoeCt,
  rng: Rng,
  parameters: Map<ParamPath, Variable>,
  attachments: MutableAttachments,
  tokenRows: TokenRows | null,
): void {
  const { config, fusion } = resolved;
  const { attentionRank: rank, attentionAlpha, headDelta } = config;
  const alwaysOn = fusion.alwaysOn === true;
  for (const site of attentionSites(base, resolved)) {
    addVariables(parameters, site.name, initLowRank(rng.fork(site.name), site, rank));
    const tree = treeAt(parameters, site.name);
    attachments.linear.set(site.name, attachLowRank(tree, (attentionAlpha ?? 0) / rank, alwaysOn));
  }
  const head = base.sites.find(({ kind }) => kind === 'head');
  if (head === undefined) return;
  if (tokenRows !== null) addVariables(parameters, head.name, initTokenRows(tokenRows, base.hiddenSize));
  if (headDelta !== null) {
    addVariables(parameters, head.name, initHeadDelta(rng.fork('head'), base, headDelta as number | 'full'));
  } else if (tokenRows === null) return;
  Object.assign(attachments, attachHeadDelta(treeAt(parameters, head.name), { alwaysOn, tokenRows }));
}

function build(
  base: BaseModel,
  resolved: ResolvedMoeCt,
  rng: Rng,
  parameters: Map<ParamPath, Variable>,
): Extension {
  const { config, fusion } = resolved;
  const { unfreeze } = config;
  const overrides = unfreeze.length === 0 ? new Map<ParamPath, Variable>() : overridesOf(base, unfreeze);
  for (const [name, value] of distinct(overrides)) parameters.set(name, value);
  const { tokenRows: ids } = config;
  const tokenRows = ids === null ? null : createTokenRows(ids as readonly number[], base.vocabSize);
  const attachments: MutableAttachments = { ffn: new Map(), linear: new Map(), head: null, headTerms: null };
  attachBranches(base, resolved, rng, parameters, attachments, tokenRows);
  attachUpdates(base, resolved, rng, parameters, attachments, tokenRows);
  return makeExtension({
    method: 'moe-ct',
    config: config as unknown as Record<string, Json>,
    gateThreshold: fusion.gateThreshold,
    parameters,
    attachments: { ...noAttachments, ...attachments },
    overrides,
    constants: tokenRows === null ? [] : [tokenRows],
  });
}

/**
 * MoE-CT (arXiv 2407.00875; docs/method.md §1, §2 and §3): a mixture of experts beside the FFNs of a frozen base.
 * Parameters of layer 3, for instance: `model.layers.3.moe.router.weight`,
 * `model.layers.3.moe.experts.gate_proj.weight` (stacked), `model.layers.3.moe.fusion.out_proj.weight`;
 * `lm_head.delta.weight`; `….self_attn.q_proj.lora_A.weight`. Auxiliary losses are means over the branches. `attach`
 * throws InvalidConfigError with every problem at once.
 * @param components factories of your own, chosen by `type` in the configuration
 */
export function moeCt(components: MoeComponents = {}): Method<Partial<MoeCtConfig>> {
  return {
    contract: 'method/1',
    name: 'moe-ct',
    attach: (base: BaseModel, given: Partial<MoeCtConfig>, rng: Rng): Extension => {
      const resolved = resolveMoeCt(base, given, components);
      const parameters = new Map<ParamPath, Variable>();
      try {
        return build(base, resolved, rng, parameters);
      } catch (error) {
        dispose(parameters);
        throw error;
      }
    },
  };
}
