import type { ConfigSource } from '../config/read-config.ts';
import { defaultMoect, type Moect } from '../presets/registry.ts';
import { prepare } from '../training/run-training.ts';
import type { TrainingPlan } from './estimate.ts';
import { type PlanningOptions, planPrepared } from './plan-training.ts';

/**
 * Says what the run of a configuration will take on this machine: time, memory, disk. Reads the base and the text and
 * runs a few steps that change nothing; writes nothing. Throws InvalidConfigError, BackendUnavailableError and
 * CorruptDataError.
 */
export async function planTraining(
  source: ConfigSource,
  options: Partial<PlanningOptions> & { readonly moect?: Moect } = {},
): Promise<TrainingPlan> {
  const prepared = await prepare(source, options.moect ?? defaultMoect);
  try {
    return await planPrepared(prepared, { time: true, ...options });
  } finally {
    await prepared.hiddenStates?.close();
    prepared.extension.dispose();
    prepared.base.model.dispose();
  }
}
