import { type BaseModel, type ChatMessage, type Combination, InvalidConfigError } from '@moect/core';
import { checkGateThreshold } from '@moect/experts';
import {
  type Generation,
  type GenerationMember,
  generateCombined,
  generate as generateIds,
} from '@moect/models';
import type { Base } from '../base/base.ts';
import { checkBase, checkOptions, checkPacks } from '../front-door-checks.ts';
import { GATE } from '../parts/moect.ts';
import { promptFor } from './prompt.ts';
import { checkPrompt, promptTokens } from './prompt-tokens.ts';
import { BASE_PRIOR, newLanguages, prefixTokenOf, resolveCombine, type UsedPack } from './scorers.ts';
import { textStream } from './text-stream.ts';

export interface GenerateOptions {
  /**
   * Text to continue; names of control tokens in it are text. It gets the Unicode form of the packs' text. Either this
   * or `messages`.
   */
  readonly prompt?: string;
  /**
   * Conversation to answer, by the chat template of the base's makers, in the Unicode form of the packs' text; ends where
   * the answer does.
   */
  readonly messages?: readonly ChatMessage[];
  /** None: the base alone. */
  readonly packs?: readonly UsedPack[];
  /** `gate`, or the name of a combination. Default: what the pack was made for; the mixture for several. */
  readonly combine?: string;
  /** Language of the text: `known` needs it, the others ignore it. */
  readonly language?: string;
  /** τ: gates above this weight of the base count as 1; null: off. Default: as trained. */
  readonly gateThreshold?: number | null;
  /** Default 64. */
  readonly maxNewTokens?: number;
  /** 0, the default: always the likeliest token. */
  readonly temperature?: number;
  /** Only the k likeliest tokens; 0, the default: all. */
  readonly topK?: number;
  /** Only the likeliest tokens that together reach this probability. Default 1. */
  readonly topP?: number;
  /** Only tokens at least this share as likely as the likeliest. Default 0. */
  readonly minP?: number;
  /** Above 1: tokens that stand in prompt or text already become less likely, as in transformers. Default 1. */
  readonly repetitionPenalty?: number;
  /** The text ends before the first of these strings; they are never part of it. Default: none. */
  readonly stop?: readonly string[];
  readonly seed?: number;
  readonly signal?: AbortSignal;
}

const NEW_TOKENS = 64;

export interface GeneratedText {
  /** Without the prompt. */
  readonly text: string;
  readonly finishReason: Generation['finishReason'];
  readonly tokens: number;
  /** Weights of base and extensions at the end; null where nothing was weighed. */
  readonly posterior: readonly number[] | null;
}

function memberOf(
  model: BaseModel,
  { name, extension, info, memory = null }: UsedPack,
  gateThreshold: number | null | undefined,
): GenerationMember {
  return {
    name,
    languages: newLanguages({ info }),
    model,
    attachments: extension.attachments,
    overrides: extension.overrides,
    ...(memory && { memory }),
    ...(gateThreshold !== undefined && { gateThreshold }),
  };
}

/** Leaves everything to the only member. */
const ALONE: Combination = {
  contract: 'combination/1',
  name: 'alone',
  start: () => new Float64Array(1),
  update: (logWeights) => logWeights,
};

function members(
  { model }: Base,
  { packs = [], language, gateThreshold }: GenerateOptions,
): GenerationMember[] {
  const claimed = packs.flatMap(newLanguages);
  const own = language !== undefined && !claimed.includes(language) ? [language] : [];
  return [
    { name: 'base', languages: own, model },
    ...packs.map((pack) => memberOf(model, pack, gateThreshold)),
  ];
}

function checkLanguage(
  { language, packs = [] }: GenerateOptions,
  { name, readsLanguage }: Combination,
): void {
  if (readsLanguage !== true || language !== undefined) return;
  const codes = packs.flatMap(newLanguages).join(', ');
  const message = `is needed by '${name}': one of ${codes}, or another for the base`;
  throw new InvalidConfigError('Generation', [{ path: 'language', message }]);
}

const OPTIONS = [
  'prompt',
  'messages',
  'packs',
  'combine',
  'language',
  'gateThreshold',
  'maxNewTokens',
  'temperature',
  'topK',
  'topP',
  'minP',
  'repetitionPenalty',
  'stop',
  'seed',
  'signal',
];

function checkStop(stop: unknown): void {
  if (Array.isArray(stop) && stop.every((text) => typeof text === 'string' && text !== '')) return;
  const message = `is ${JSON.stringify(stop)}, must be a list of texts, none of them empty`;
  throw new InvalidConfigError('generate', [{ path: 'stop', message }]);
}

function checkGenerate(base: Base, options: GenerateOptions): void {
  checkBase('generate', base);
  checkOptions('generate', options, OPTIONS);
  checkPacks('generate', options.packs ?? []);
  checkStop(options.stop ?? []);
  checkPrompt(options);
}

/** Calls back with each new piece of text. */
async function generateText(
  base: Base,
  options: GenerateOptions,
  onText: (text: string) => void,
): Promise<GeneratedText> {
  const { packs = [], maxNewTokens = NEW_TOKENS, gateThreshold } = options;
  const { language, ...prompt } = promptFor(options);
  const { tokenizer, model, moect } = base;
  const { ids: promptIds, stopIds } = promptTokens(base, prompt, prefixTokenOf(base, packs));
  checkContext(model, promptIds.length, maxNewTokens);
  const combine = resolveCombine(base, packs, packs.length === 0 ? GATE : options.combine);
  if (gateThreshold !== undefined) {
    for (const { extension } of packs) checkGateThreshold(extension, gateThreshold);
  }
  const combination = combine === GATE ? null : moect.combination(combine)({ basePrior: BASE_PRIOR });
  if (combination !== null) checkLanguage(options, combination);
  const stream = textStream((ids) => tokenizer.decode(ids), promptIds, options.stop ?? [], onText);
  const { temperature, topK, topP, minP, repetitionPenalty, seed, signal } = options;
  const sampling = {
    maxNewTokens,
    stopIds,
    onToken: (token: number) => stream.push(token),
    ...(temperature !== undefined && { temperature }),
    ...(topK !== undefined && { topK }),
    ...(topP !== undefined && { topP }),
    ...(minP !== undefined && { minP }),
    ...(repetitionPenalty !== undefined && { repetitionPenalty }),
    ...(seed !== undefined && { seed }),
    ...(signal && { signal }),
  };
  const [only] = packs;
  if (combination === null && !only?.memory) {
    const { attachments, overrides } = only?.extension ?? {};
    const made = await generateIds(model, promptIds, {
      ...sampling,
      ...(attachments && { attachments }),
      ...(overrides && { overrides }),
      ...(gateThreshold !== undefined && { gateThreshold }),
    });
    const { finishReason, tokens } = made;
    return { text: stream.end(), finishReason, tokens: tokens.length, posterior: null };
  }
  const named = language === undefined ? {} : { language };
  const { finishReason, tokens, posteriors } =
    combination === null
      ? await generateCombined([memberOf(model, only!, gateThreshold)], ALONE, promptIds, sampling)
      : await generateCombined(members(base, { ...options, ...named }), combination, promptIds, {
          ...sampling,
          ...named,
        });
  const posterior = combination === null ? undefined : posteriors.at(-1);
  return {
    text: stream.end(),
    finishReason,
    tokens: tokens.length,
    posterior: posterior === undefined ? null : [...posterior],
  };
}

/** Own signal that follows the given one; leaving the loop over the pieces also ends the generation. */
function followed(signal: AbortSignal | undefined): AbortController {
  const own = new AbortController();
  if (signal?.aborted === true) own.abort(signal.reason);
  signal?.addEventListener('abort', () => own.abort(signal.reason), { once: true, signal: own.signal });
  return own;
}

/**
 * Continues a prompt, or answers a conversation, with a base and packs: yields the text in pieces of whole characters, and returns the whole result
 * at the end. Leaving the loop, or aborting the signal, ends the generation.
 * Throws InvalidConfigError (also for a text that does not fit the base's context), NoSuchComponentError and
 * NonFiniteError.
 */
export async function* generate(
  base: Base,
  options: GenerateOptions,
): AsyncGenerator<string, GeneratedText, undefined> {
  checkGenerate(base, options);
  const own = followed(options.signal);
  const pieces: string[] = [];
  let wake = (): void => undefined;
  let outcome: { readonly made: GeneratedText } | { readonly error: unknown } | null = null;
  const settle = (result: NonNullable<typeof outcome>): void => {
    outcome = result;
    wake();
  };
  const making = generateText(base, { ...options, signal: own.signal }, (text) => {
    pieces.push(text);
    wake();
  }).then(
    (made) => settle({ made }),
    (error: unknown) => settle({ error }),
  );
  try {
    for (;;) {
      while (pieces.length > 0) yield pieces.shift()!;
      const ended = outcome as { readonly made: GeneratedText } | { readonly error: unknown } | null;
      if (ended === null) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
        continue;
      }
      if ('error' in ended) throw ended.error;
      return ended.made;
    }
  } finally {
    own.abort();
    await making;
  }
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
