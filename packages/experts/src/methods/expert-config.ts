import {
  type Activation,
  type BaseFfn,
  type BaseModel,
  type ConfigProblem,
  MoectError,
  type Site,
} from '@moect/core';
import type { ComponentConfig } from './components.ts';

const DEFAULTS = { size: null, init: 'copy' };

/**
 * Expert settings with defaults filled in: `auto` becomes `swiglu` or `mlp`, whichever the base's own FFN is, with its
 * activation, and an `mlp` without an activation takes the base's. Beside a base whose FFN is a mixture
 * of experts, which no expert can copy, `auto` starts at zero.
 * @param site an FFN site that gets a branch; absent where none was found
 */
export function expertConfig(
  base: BaseModel,
  site: Site | undefined,
  given: ComponentConfig,
  problems: ConfigProblem[],
): ComponentConfig {
  const { type } = given;
  if (type !== 'auto' && type !== 'mlp') return type === 'swiglu' ? withDefaults(given) : given;
  let ffn: BaseFfn | undefined;
  try {
    ffn = site && base.ffnAt(site.name);
  } catch (error) {
    if (!MoectError.isInstance(error)) throw error;
    if (type === 'auto') {
      const message = `'auto' follows the base's own FFN, and this base shows none; name 'swiglu' or 'mlp'`;
      problems.push({ path: 'expert.type', message });
    }
  }
  const own = ffn?.kind === 'plain' ? 'mlp' : 'swiglu';
  const chosen = type === 'auto' ? own : type;
  const settings = withDefaults({ ...activationOf(ffn, chosen), ...given, type: chosen });
  const copies = settings['init'] === 'copy' || settings['init'] === 'slice-zero-down';
  const isUncopied = type === 'auto' && ffn?.kind === 'mixture' && copies;
  return isUncopied ? { ...settings, init: 'zero-down' } : settings;
}

/** The base's activation where experts of this type have a choice; SwiGLU's own need not be said. */
function activationOf(ffn: BaseFfn | undefined, type: 'mlp' | 'swiglu'): { activation?: Activation } {
  if (ffn === undefined || (ffn.kind === 'plain') !== (type === 'mlp')) return {};
  return type === 'swiglu' && ffn.activation === 'silu' ? {} : { activation: ffn.activation };
}

function withDefaults({ type, ...given }: ComponentConfig): ComponentConfig {
  return { type, ...DEFAULTS, ...given };
}
