import type { Document } from '@moect/core';
import type { ReportMethod } from '@moect/report';
import type { Base } from '../base/base.ts';
import type { EvaluatedText } from './evaluated-texts.ts';
import { generate } from './generate.ts';
import type { PackComparison } from './pack-comparison.ts';

/** A few words say whether the model writes the language at all. */
const PROMPT_CHARACTERS = 40;
const NEW_TOKENS = 32;
/** Languages of each role that are shown. */
const LANGUAGES = 2;

/** The beginning of a document, up to the end of a word; null for texts that are too short or too long in tokens. */
function promptOf({ tokenizer, model }: Base, { text }: Document): string | null {
  const line = text.trim().split('\n')[0]!;
  const cut = line.slice(0, PROMPT_CHARACTERS);
  const end = line.length > PROMPT_CHARACTERS ? cut.lastIndexOf(' ') : line.length >> 1;
  const prompt = cut.slice(0, end > 0 ? end : cut.length).trim();
  if (prompt === '' || tokenizer.encode(prompt).length > model.maxPositions >> 1) return null;
  return prompt;
}

async function textOf(base: Base, options: Parameters<typeof generate>[1]): Promise<string> {
  let text = '';
  for await (const piece of generate(base, options)) text += piece;
  return text;
}

/**
 * How base and pack go on with the beginning of a text that was scored, always by the likeliest token: two new languages
 * and one old one.
 */
export async function sampleTexts(
  { pack, combine }: PackComparison,
  input: {
    readonly base: Base;
    readonly texts: readonly EvaluatedText[];
    readonly gateThreshold?: number | null | undefined;
  },
): Promise<NonNullable<ReportMethod['samples']>> {
  const { base, texts, gateThreshold } = input;
  const of = (role: string, most: number): EvaluatedText[] =>
    texts.filter((text) => text.role === role).slice(0, most);
  const samples: NonNullable<ReportMethod['samples']>[number][] = [];
  for (const { code, documents } of [...of('new', LANGUAGES), ...of('old', 1)]) {
    const prompt = documents.map((document) => promptOf(base, document)).find((text) => text !== null);
    if (prompt === undefined || prompt === null) continue;
    const room = base.model.maxPositions - base.tokenizer.encode(prompt).length - 1;
    const shared = { prompt, maxNewTokens: Math.max(1, Math.min(NEW_TOKENS, room)), language: code };
    const threshold = gateThreshold === undefined ? {} : { gateThreshold };
    const before = await textOf(base, shared);
    const after = await textOf(base, { ...shared, packs: [pack], combine, ...threshold });
    samples.push({ language: code, prompt, before, after });
  }
  return samples;
}
