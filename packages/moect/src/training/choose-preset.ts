import { InvalidConfigError, MoectError } from '@moect/core';
import { problemAt } from '../config/key-path.ts';
import type { Moect } from '../parts/moect.ts';
import type { Preset } from '../presets/preset.ts';
import type { RunInput } from './run-input.ts';

export interface ChosenPreset {
  readonly preset: Preset;
  /** Choices made for the user, with reasons: print them. */
  readonly notes: readonly string[];
}

const hasOldText = ({ languages }: Pick<RunInput, 'languages'>): boolean =>
  languages.some(({ role }) => role === 'old');

function byText(input: RunInput, moect: Moect): ChosenPreset {
  const chosen = hasOldText(input) ? 'moe-ct' : 'moe-ct-mixture';
  const note = hasOldText(input)
    ? 'preset moe-ct: there is old-language text for the replay that its gate needs'
    : 'preset moe-ct-mixture: there is no old-language text, and the gate of moe-ct needs some (5 %)';
  return { preset: moect.preset(chosen), notes: [note] };
}

/** The requested preset, or one that suits the text. Throws InvalidConfigError. */
export function choosePreset(input: RunInput, moect: Moect): ChosenPreset {
  const { settings, origin, replayShare } = input;
  const refuse = (message: string): never => {
    throw new InvalidConfigError(origin.name, [problemAt(origin, ['preset'], message)]);
  };
  if (settings.preset === undefined) return withReplayNote(byText(input, moect), input);
  let preset: Preset;
  try {
    preset = moect.preset(settings.preset);
  } catch (error) {
    if (MoectError.isInstance(error)) return refuse(error.message);
    throw error;
  }
  const share = replayShare ?? preset.training.replayShare;
  if (share > 0 && !hasOldText(input)) {
    return refuse(
      `'${preset.name}' replays ${100 * share} % old text: add a language of role 'old', or use moe-ct-mixture`,
    );
  }
  return withReplayNote({ preset, notes: [] }, input);
}

function withReplayNote({ preset, notes }: ChosenPreset, input: RunInput): ChosenPreset {
  const share = input.replayShare ?? preset.training.replayShare;
  if (share > 0 || !hasOldText(input)) return { preset, notes };
  const note = `${preset.name} replays nothing: the old-language text is used for evaluation only`;
  return { preset, notes: [...notes, note] };
}
