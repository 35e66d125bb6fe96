import { resolve } from 'node:path';
import { type ConfigProblem, InvalidConfigError, MoectError } from '@moect/core';
import type { Preset } from '../presets/preset.ts';
import { defaultMoect, type Moect } from '../presets/registry.ts';
import type { MoectConfig } from './moect-config.ts';
import type { ConfigSource } from './read-config.ts';
import type { RunPlan } from './resolved-run.ts';
import { trainingSettings } from './training-settings.ts';

export interface Planned {
  readonly plan: RunPlan;
  /** Choices made for the user, with the reason: print them. */
  readonly notes: readonly string[];
}

const hasOldText = ({ languages }: MoectConfig): boolean => languages.some(({ role }) => role === 'old');

function choosePreset({ config, lineOf, name }: ConfigSource, moect: Moect, notes: string[]): Preset {
  const problem = (message: string): never => {
    const line = lineOf(['preset']);
    const found: ConfigProblem = { path: 'preset', message, ...(line === undefined ? {} : { line }) };
    throw new InvalidConfigError(name, [found]);
  };
  if (config.preset === undefined) {
    const chosen = hasOldText(config) ? 'moe-ct' : 'moe-ct-mixture';
    notes.push(
      hasOldText(config)
        ? `preset moe-ct: there is old-language text for the replay that its gate needs`
        : `preset moe-ct-mixture: there is no old-language text, and the gate of moe-ct needs some (5 %)`,
    );
    return moect.preset(chosen);
  }
  let preset: Preset;
  try {
    preset = moect.preset(config.preset);
  } catch (error) {
    if (MoectError.isInstance(error)) return problem(error.message);
    throw error;
  }
  const share = config.replay?.share ?? preset.training.replayShare;
  if (share > 0 && !hasOldText(config)) {
    return problem(
      `'${preset.name}' replays ${100 * share} % old text: add a language of role 'old', or use moe-ct-mixture`,
    );
  }
  return preset;
}

/** Fills in what follows from the configuration alone. Throws InvalidConfigError. */
export function planRun(source: ConfigSource, moect: Moect = defaultMoect): Planned {
  const { config, folder } = source;
  const notes: string[] = [];
  const preset = choosePreset(source, moect, notes);
  const absolute = (paths: readonly string[]): string[] => paths.map((path) => resolve(folder, path));
  const { data = {}, extension = {}, backend = {}, evaluation, cache } = config;
  const share = config.replay?.share ?? preset.training.replayShare;
  if (share === 0 && hasOldText(config)) {
    notes.push(`${preset.name} replays nothing: the old-language text is used for evaluation only`);
  }
  const plan: RunPlan = {
    schema: 'moect-run/1',
    base: resolve(folder, config.base),
    baseStorage: config.baseStorage ?? 'float32',
    preset: preset.name,
    method: { name: preset.method, overrides: config.method ?? {} },
    languages: config.languages.map(({ code, role, files, weight }) => {
      return { code, role, files: absolute(files), weight: weight ?? null };
    }),
    replay: { share: config.replay?.share ?? null },
    data: {
      sequenceLength: data.sequenceLength ?? null,
      format: data.format ?? null,
      textField: data.textField ?? 'text',
      endOfDocument: data.endOfDocument ?? null,
      heldOut: data.heldOut ?? (evaluation === undefined ? 0.05 : 0),
    },
    training: trainingSettings(config.training ?? {}, preset),
    evaluation:
      evaluation === undefined
        ? null
        : { languages: evaluation.languages.map((l) => ({ ...l, files: absolute(l.files) })) },
    extension: { dtype: extension.dtype ?? 'f32', license: extension.license ?? null },
    cache:
      cache === undefined
        ? null
        : { folder: resolve(folder, cache.folder), maxBytes: cache.maxBytes ?? null },
    backend: {
      name: backend.name ?? 'auto',
      threads: backend.threads ?? null,
      gpuMemoryBytes: backend.gpuMemoryBytes ?? null,
    },
    output: resolve(folder, config.output ?? 'run'),
  };
  return { plan, notes };
}
