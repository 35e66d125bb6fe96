import { type BaseModel, InvalidConfigError } from '@moect/core';
import { prefixTokenId } from '@moect/data';
import { bayesianMixture, knownLanguage } from '@moect/experts';
import { type Generation, type GenerationMember, generate, generateCombined } from '@moect/models';
import type { LoadedBase } from '../base/describe-base.ts';
import type { CombineName } from '../presets/preset.ts';
import { newLanguages, resolveCombine, type ScoredExtension } from './combined-scorer.ts';

export interface GenerateTextOptions {
  readonly base: LoadedBase;
  readonly extensions: readonly ScoredExtension[];
  readonly prompt: string;
  readonly combine?: CombineName;
  /** Language of the text: needed by `known`, of no use to the others. */
  readonly language?: string;
  readonly maxNewTokens: number;
  /** 0: always the likeliest token. */
  readonly temperature?: number;
  readonly topP?: number;
  readonly seed?: number;
  readonly signal?: AbortSignal;
  /** Called with each new piece of text: whole characters only. */
  readonly onText?: (text: string) => void;
}

export interface GeneratedText {
  /** Without the prompt. */
  readonly text: string;
  readonly finishReason: Generation['finishReason'];
  readonly tokens: number;
  /** Weights of base and extensions at the end; null where nothing was weighed. */
  readonly posterior: readonly number[] | null;
}

/** Turns tokens into text as they come, holding characters back until all their bytes are there. */
function textStream(
  decode: (ids: readonly number[]) => string,
  promptIds: readonly number[],
  onText: (text: string) => void,
): { push(token: number): void; end(): string } {
  const ids = [...promptIds];
  const start = decode(promptIds).length;
  let shown = start;
  const flush = (text: string): void => {
    if (text.length > shown) onText(text.slice(shown));
    shown = Math.max(shown, text.length);
  };
  return {
    push(token) {
      ids.push(token);
      const text = decode(ids);
      // U+FFFD at the end: the character is not complete yet
      if (!text.endsWith('\ufffd')) flush(text);
    },
    end() {
      const text = decode(ids);
      flush(text);
      return text.slice(start);
    },
  };
}

function members(options: GenerateTextOptions): GenerationMember[] {
  const { base, extensions, language } = options;
  const { model } = base;
  const claimed = extensions.flatMap(newLanguages);
  const own = language !== undefined && !claimed.includes(language) ? [language] : [];
  return [
    { name: 'base', languages: own, model },
    ...extensions.map(({ name, extension, info, gateThreshold }) => {
      const { attachments, overrides } = extension;
      const tau = gateThreshold === undefined ? {} : { gateThreshold };
      return { name, languages: newLanguages({ info }), model, attachments, overrides, ...tau };
    }),
  ];
}

function checkLanguage({ language, extensions }: GenerateTextOptions, combine: CombineName): void {
  if (combine !== 'known' || language !== undefined || extensions.length === 0) return;
  const codes = extensions.flatMap(newLanguages).join(', ');
  const message = `is needed by 'known': one of ${codes}, or another for the base`;
  throw new InvalidConfigError('Generation', [{ path: 'language', message }]);
}

/**
 * Continues a prompt with base and extensions.
 * Throws InvalidConfigError (also for a text that does not fit the base's context) and NonFiniteError.
 */
export async function generateText(options: GenerateTextOptions): Promise<GeneratedText> {
  const { base, extensions, prompt, language, onText = () => undefined } = options;
  const { tokenizer, model } = base;
  const promptIds = [prefixTokenId(tokenizer), ...tokenizer.encode(prompt)];
  const { maxNewTokens } = options;
  checkContext(model, promptIds.length, maxNewTokens);
  const stream = textStream((ids) => tokenizer.decode(ids), promptIds, onText);
  const { temperature, topP, seed, signal } = options;
  const sampling = {
    maxNewTokens,
    stopIds: tokenizer.eosTokenIds,
    onToken: (token: number) => stream.push(token),
    ...(temperature !== undefined && { temperature }),
    ...(topP !== undefined && { topP }),
    ...(seed !== undefined && { seed }),
    ...(signal && { signal }),
  };
  const combine = resolveCombine(extensions, extensions.length === 0 ? 'gate' : options.combine);
  checkLanguage(options, combine);
  if (combine === 'gate') {
    const { attachments, overrides } = extensions[0]?.extension ?? {};
    const gateThreshold = extensions[0]?.gateThreshold;
    const made = await generate(model, promptIds, {
      ...sampling,
      ...(attachments && { attachments }),
      ...(overrides && { overrides }),
      ...(gateThreshold !== undefined && { gateThreshold }),
    });
    return {
      text: stream.end(),
      finishReason: made.finishReason,
      tokens: made.tokens.length,
      posterior: null,
    };
  }
  const combination = combine === 'known' ? knownLanguage() : bayesianMixture();
  const made = await generateCombined(members(options), combination, promptIds, {
    ...sampling,
    ...(language !== undefined && { language }),
  });
  const posterior = made.posteriors.at(-1);
  return {
    text: stream.end(),
    finishReason: made.finishReason,
    tokens: made.tokens.length,
    posterior: posterior === undefined ? null : [...posterior],
  };
}

function checkContext(model: BaseModel, promptTokens: number, maxNewTokens: number): void {
  if (promptTokens + maxNewTokens <= model.maxPositions) return;
  const message = `the prompt has ${promptTokens} tokens and ${maxNewTokens} are wanted, the base's context is ${model.maxPositions}`;
  throw new InvalidConfigError(
    'Generation',
    [{ path: 'prompt', message }],
    'Shorten the prompt or ask for fewer.',
  );
}
