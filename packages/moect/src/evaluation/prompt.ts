import { normalizeUnicode } from '@moect/data';
import { resolveCode } from './evaluated-texts.ts';
import { normalizationForPacks } from './pack-text-settings.ts';
import type { Prompt } from './prompt-tokens.ts';
import { newLanguages, type UsedPack } from './scorers.ts';

export interface PromptOptions extends Prompt {
  readonly language?: string;
  readonly packs?: readonly UsedPack[];
}

/** A prompt as the models read it. */
export interface PreparedPrompt extends Prompt {
  /** Code as the packs have it. */
  readonly language?: string;
  readonly notes: readonly string[];
}

/** Text and messages in the Unicode form of the packs' text, with a note where that changed them. */
function inFormOf({ prompt, messages }: Prompt, packs: readonly UsedPack[]): Prompt & { notes: string[] } {
  const form = normalizationForPacks(packs);
  const notes: string[] = [];
  const changed = (text: string): string => {
    const made = normalizeUnicode(text, form);
    if (made !== text && notes.length === 0) notes.push('the prompt is changed to Unicode NFC');
    return made;
  };
  return {
    ...(prompt !== undefined && { prompt: changed(prompt) }),
    ...(messages !== undefined && {
      messages: messages.map((message) => ({ ...message, content: changed(message.content) })),
    }),
    notes,
  };
}

/** Gives a prompt the form of the packs' text, and its language their code. Throws InvalidConfigError. */
export function promptFor({ language, packs = [], ...given }: PromptOptions): PreparedPrompt {
  const { notes, ...prompt } = inFormOf(given, packs);
  if (language === undefined) return { ...prompt, notes };
  const { code, note } = resolveCode(language, packs, 'Generation');
  if (note !== null) notes.push(note);
  const own = packs.flatMap(newLanguages);
  if (packs.length > 0 && !own.includes(code)) {
    notes.push(
      `'${code}' is no language that the extensions were made for (${own.join(', ')}): by language, the base answers alone`,
    );
  }
  return { ...prompt, language: code, notes };
}
