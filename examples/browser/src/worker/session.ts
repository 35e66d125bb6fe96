import type { Document, Extension, Scorer } from '@moect/core';
import { bitsPerByte } from '@moect/eval';
import type { TrainResult } from '@moect/trainer';
import { zipSync } from 'fflate';
import {
  createBaseScorer,
  createCombinedScorer,
  type ExtensionInfo,
  extensionFiles,
  generateText,
  type LoadedBase,
  type Preset,
  rememberScores,
  type ScoredExtension,
  type TrainedRun,
  trainingSummary,
} from 'moect/browser';
import type { Score } from '../messages.ts';
import { toJsonLines } from './read-text.ts';

/** A base, the extension beside it, and text to measure both on. */
export interface Session {
  readonly base: LoadedBase;
  readonly extension: Extension;
  readonly preset: Preset;
  readonly trained: TrainedRun;
  /** Of the new language. */
  readonly heldOut: readonly Document[];
  /** Of a language that the base knows. */
  readonly known: readonly Document[];
}

const NEW_TOKENS = 48;

function languagesOf({ trained }: Session): ExtensionInfo['languages'] {
  return trained.languages.map(({ code, role }) => ({ code, role }));
}

/** The extension as scorers and generation take it. */
function packOf(session: Session): ScoredExtension {
  const { extension, preset } = session;
  return { name: preset.name, extension, info: { languages: languagesOf(session), combine: preset.combine } };
}

/** Scores held-out text under the base, and under base and pack as they are. */
export function createMeasure(session: Session): (when: 'before' | 'after') => Promise<Score[]> {
  const { base, heldOut, known } = session;
  const baseScorer = rememberScores(createBaseScorer({ base }));
  const combined = createCombinedScorer({ base, extensions: [packOf(session)], baseScorer });
  return async (when) => {
    const scorer: Scorer = when === 'before' ? baseScorer : combined;
    const scores: Score[] = [];
    for (const [role, documents] of [
      ['new', heldOut],
      ['old', known],
    ] as const) {
      if (documents.length === 0) continue;
      const bits = bitsPerByte(await scorer.score(documents));
      scores.push({ language: documents[0]!.language, role, bitsPerByte: bits });
    }
    return scores;
  };
}

/** Continues a prompt with the base, or with base and pack. */
export async function continueText(
  session: Session,
  prompt: string,
  pack: boolean,
  onText: (text: string) => void,
): Promise<string> {
  const { text } = await generateText({
    base: session.base,
    extensions: pack ? [packOf(session)] : [],
    prompt,
    maxNewTokens: NEW_TOKENS,
    temperature: 0.7,
    topP: 0.9,
    seed: 1,
    onText,
  });
  return text;
}

/**
 * A zip file laid out as the folder of `moect train`: the language pack in `extension/`, the text that it was not
 * trained on in `held-out/`.
 */
export async function packFiles(session: Session, result: TrainResult): Promise<Uint8Array<ArrayBuffer>> {
  const { base, extension, preset, trained, heldOut } = session;
  const info: ExtensionInfo = {
    base: base.identity,
    languages: languagesOf(session),
    license: null,
    combine: preset.combine,
    preset: preset.name,
    training: trainingSummary(trained, result),
  };
  const language = trained.languages[0]!.code;
  const files: Record<string, Uint8Array> = {};
  for (const [name, pieces] of await extensionFiles(language, extension, info)) {
    files[`extension/${name}`] = new Uint8Array(await new Blob([...pieces] as BlobPart[]).arrayBuffer());
  }
  files[`held-out/${language}.jsonl`] = new TextEncoder().encode(toJsonLines(heldOut));
  // the same pack gives the same bytes, and weights hardly get smaller
  return zipSync(files, { level: 0, mtime: '2000-01-01T00:00:00' }) as Uint8Array<ArrayBuffer>;
}
