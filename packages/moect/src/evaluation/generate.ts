import { type BaseModel, type Combination, InvalidConfigError } from '@moect/core';
import { prefixTokenId } from '@moect/data';
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
import { BASE_PRIOR, newLanguages, resolveCombine, type UsedPack } from './scorers.ts';

export interface GenerateOptions {
  /** Gets the Unicode form of the packs' text. */
  readonly prompt: string;
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
  readonly topP?: number;
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

function members(
  { model }: Base,
  { packs = [], language, gateThreshold }: GenerateOptions,
): GenerationMember[] {
  const claimed = packs.flatMap(newLanguages);
  const own = language !== undefined && !claimed.includes(language) ? [language] : [];
  return [
    { name: 'base', languages: own, model },
    ...packs.map(({ name, extension, info }) => {
      const { attachments, overrides } = extension;
      const threshold = gateThreshold === undefined ? {} : { gateThreshold };
      return { name, languages: newLanguages({ info }), model, attachments, overrides, ...threshold };
    }),
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
  'packs',
  'combine',
  'language',
  'gateThreshold',
  'maxNewTokens',
  'temperature',
  'topP',
  'seed',
  'signal',
];

function checkGenerate(base: Base, options: GenerateOptions): void {
  checkBase('generate', base);
  checkOptions('generate', options, OPTIONS);
  checkPacks('generate', options.packs ?? []);
  if (typeof options.prompt === 'string') return;
  const message = `is ${JSON.stringify(options.prompt)}, must be a text`;
  throw new InvalidConfigError('generate', [{ path: 'prompt', message }]);
}

/** Calls back with each new piece of text. */
async function generateText(
  base: Base,
  options: GenerateOptions,
  onText: (text: string) => void,
): Promise<GeneratedText> {
  const { packs = [], maxNewTokens = NEW_TOKENS, gateThreshold } = options;
  const { prompt, language } = promptFor(options);
  const { tokenizer, model, moect } = base;
  const promptIds = [prefixTokenId(tokenizer), ...tokenizer.encode(prompt)];
  checkContext(model, promptIds.length, maxNewTokens);
  const combine = resolveCombine(base, packs, packs.length === 0 ? GATE : options.combine);
  if (gateThreshold !== undefined) {
    for (const { extension } of packs) checkGateThreshold(extension, gateThreshold);
  }
  const combination = combine === GATE ? null : moect.combination(combine)({ basePrior: BASE_PRIOR });
  if (combination !== null) checkLanguage(options, combination);
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
  if (combination === null) {
    const { attachments, overrides } = packs[0]?.extension ?? {};
    const made = await generateIds(model, promptIds, {
      ...sampling,
      ...(attachments && { attachments }),
      ...(overrides && { overrides }),
      ...(gateThreshold !== undefined && { gateThreshold }),
    });
    const { finishReason, tokens } = made;
    return { text: stream.end(), finishReason, tokens: tokens.length, posterior: null };
  }
  const spoken = { ...options, ...(language !== undefined && { language }) };
  const made = await generateCombined(members(base, spoken), combination, promptIds, {
    ...sampling,
    ...(language !== undefined && { language }),
  });
  const { finishReason, tokens, posteriors } = made;
  const posterior = posteriors.at(-1);
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
 * Continues a prompt with a base and packs: yields the text in pieces of whole characters, and returns the whole result
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
