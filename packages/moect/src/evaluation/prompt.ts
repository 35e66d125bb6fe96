import { normalizeUnicode } from '@moect/data';
import { resolveCode } from './evaluated-texts.ts';
import { normalizationForPacks } from './pack-text-settings.ts';
import { newLanguages, type UsedPack } from './scorers.ts';

export interface PromptOptions {
  readonly prompt: string;
  readonly language?: string;
  readonly packs?: readonly UsedPack[];
}

/** A prompt as the models read it. */
export interface PreparedPrompt {
  readonly prompt: string;
  /** Code as the packs have it. */
  readonly language?: string;
  readonly notes: readonly string[];
}

/** Gives a prompt the form of the packs' text, and its language their code. Throws InvalidConfigError. */
export function promptFor({ prompt: given, language, packs = [] }: PromptOptions): PreparedPrompt {
  const prompt = normalizeUnicode(given, normalizationForPacks(packs));
  const notes = prompt === given ? [] : ['the prompt is changed to Unicode NFC'];
  if (language === undefined) return { prompt, notes };
  const { code, note } = resolveCode(language, packs, 'Generation');
  if (note !== null) notes.push(note);
  const own = packs.flatMap(newLanguages);
  if (packs.length > 0 && !own.includes(code)) {
    notes.push(
      `'${code}' is no language that the extensions were made for (${own.join(', ')}): by language, the base answers alone`,
    );
  }
  return { prompt, language: code, notes };
}
