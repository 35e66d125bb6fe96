import {
  type BaseModel,
  type Extension,
  InvalidConfigError,
  type LinearSite,
  type Method,
  type ParamPath,
  type Rng,
  type Tensor,
  type Variable,
} from '@moect/core';
import { type Check, type Fields, number, oneOf, readOptions, strings } from '@moect/core/options';
import { add, tidy, treeAt } from '@moect/tensor';
import { addVariables, makeExtension, noAttachments } from './extension.ts';
import { initLowRank, lowRankUpdate } from './low-rank.ts';

export type LoraCtConfig = {
  readonly rank: number;
  /** The update is scaled by alpha ÷ rank, with `rankStabilized` by alpha ÷ √rank (arXiv 2312.03732). */
  readonly alpha: number;
  readonly rankStabilized: boolean;
  /** Module names as PEFT's `target_modules` (`q_proj`, …), roles of linear sites (`attention-query`, …), or `all-linear`. */
  readonly targets: 'all-linear' | readonly string[];
};

const targets: Check = (value) =>
  value === 'all-linear' || (strings(value) === null && (value as string[]).length > 0)
    ? null
    : `must be "all-linear" or a list of names such as ["q_proj"] or roles such as ["attention-query"], is ${JSON.stringify(value)}`;

const fields: Fields<LoraCtConfig> = {
  rank: { default: 8, check: number({ min: 1, integer: true }) },
  alpha: { default: 16, check: number({ min: 0 }) },
  rankStabilized: { default: false, check: oneOf(true, false) },
  targets: { default: 'all-linear', check: targets },
};

/** Names that select a linear: its module's own name, as in PEFT's `target_modules`, and its role in any family. */
const callNames = ({ name, role }: LinearSite): string[] => [name.slice(name.lastIndexOf('.') + 1), role];

function targetSites(
  linears: readonly LinearSite[],
  wanted: LoraCtConfig['targets'],
): { sites: readonly LinearSite[]; idle: string[] } {
  if (wanted === 'all-linear') return { sites: linears, idle: linears.length === 0 ? ['all-linear'] : [] };
  const sites = linears.filter((site) => callNames(site).some((name) => wanted.includes(name)));
  return { sites, idle: wanted.filter((name) => !sites.some((site) => callNames(site).includes(name))) };
}

function checked(
  base: BaseModel,
  config: Partial<LoraCtConfig>,
): { options: LoraCtConfig; sites: readonly LinearSite[] } {
  const { options, problems } = readOptions(config, fields);
  if (problems.some(({ path }) => path === 'targets')) throw new InvalidConfigError('lora-ct', problems);
  const linears = base.sites.filter((site) => site.kind === 'linear');
  const { sites, idle } = targetSites(linears, options.targets);
  const calls = linears.map(callNames);
  const names = [...new Set([...calls.map(([name]) => name), ...calls.map(([, role]) => role)])];
  for (const name of idle) {
    problems.push({
      path: 'targets',
      message: `'${name}' is no linear of this base; it has ${names.join(', ')}`,
    });
  }
  if (problems.length > 0) throw new InvalidConfigError('lora-ct', problems);
  return { options, sites };
}

/**
 * LoRA continual training (arXiv 2106.09685): y + scale·B·A·x on linear sites, the base frozen. Parameters are named
 * `<site>.lora_A.weight` [rank, in] and `<site>.lora_B.weight` [out, rank], as PEFT names them after
 * `base_model.model.`. A fresh extension changes nothing. `attach` throws InvalidConfigError.
 */
export function loraCt(): Method<Partial<LoraCtConfig>> {
  return {
    contract: 'method/1',
    name: 'lora-ct',
    attach: (base: BaseModel, config: Partial<LoraCtConfig>, rng: Rng): Extension => {
      const { options, sites } = checked(base, config);
      const scale = options.alpha / (options.rankStabilized ? Math.sqrt(options.rank) : options.rank);
      const parameters = new Map<ParamPath, Variable>();
      const linear = new Map<string, (input: Tensor, output: Tensor) => Tensor>();
      for (const site of sites) {
        addVariables(parameters, site.name, initLowRank(rng.fork(site.name), site, options.rank));
        const tree = treeAt(parameters, site.name);
        linear.set(site.name, (input, output) => tidy(() => add(output, lowRankUpdate(tree, input, scale))));
      }
      return makeExtension({
        method: 'lora-ct',
        config: { ...options },
        parameters,
        attachments: { ...noAttachments, linear },
      });
    },
  };
}
