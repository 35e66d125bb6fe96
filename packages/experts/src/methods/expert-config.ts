import { type BaseFfn, type BaseModel, type ConfigProblem, MoectError, type Site } from '@moect/core';
import type { ComponentConfig } from './components.ts';

const DEFAULTS = { size: null, init: 'copy' };

/**
 * Expert settings with defaults filled in: `auto` becomes `swiglu` or `mlp`, whichever the base's
 * own FFN is, and an `mlp` without an activation takes the base's.
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
  const { activation } = ffn ?? {};
  const isPlain = ffn?.kind === 'plain';
  if (type === 'mlp') return withDefaults({ ...(isPlain && { activation }), ...given });
  return withDefaults({ ...given, type: isPlain ? 'mlp' : 'swiglu', ...(isPlain && { activation }) });
}

function withDefaults({ type, ...given }: ComponentConfig): ComponentConfig {
  return { type, ...DEFAULTS, ...given };
}
