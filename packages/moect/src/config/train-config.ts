import type { Base } from '../base/base.ts';
import { type RunHooks, runTraining, type TrainedPack } from '../training/run.ts';
import { openRun } from './open-run.ts';
import { configFrom, readConfig } from './read-config.ts';
import type { MoectConfig } from './schema.ts';

/** A trained pack and the base that it was opened with: `dispose` frees both. */
export type ConfiguredPack = TrainedPack & { readonly base: Base };

/**
 * Trains the run of a configuration, as `moect train` does: it names the base, the text and the folder of the run.
 * @param config path of a YAML file, whose paths are relative to its folder; or its contents, relative to `folder`
 * Throws the errors of `train`, and InvalidConfigError with every problem of the configuration and its line.
 */
export async function trainConfig(
  config: string | MoectConfig,
  hooks: Omit<RunHooks, 'output'> & { readonly folder?: string } = {},
): Promise<ConfiguredPack> {
  const { folder = '.', ...others } = hooks;
  const source = await (typeof config === 'string'
    ? readConfig(config, {}, hooks.resume)
    : configFrom(config, folder, undefined, hooks.resume));
  const { base, input, output, asked } = await openRun(source);
  try {
    const pack = await runTraining(base, input, { ...others, output }, asked);
    const dispose = (): void => {
      pack.dispose();
      base.dispose();
    };
    return { ...pack, base, dispose };
  } catch (error) {
    base.dispose();
    throw error;
  }
}
