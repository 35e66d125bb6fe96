import {
  type ChatFormat,
  type ChatMessage,
  type ChatTokens,
  InvalidConfigError,
  type JsonObject,
} from '@moect/core';
import type { AddedTokenJson } from '../tokenizer/check-json.ts';
import { type HuggingFaceTokenizer, withShield } from '../tokenizer/library.ts';
import { type SpecialIds, tokenText } from '../tokenizer/special-ids.ts';
import { parseChatTemplate, type RenderChat, templateOf } from './chat-template.ts';
import { shieldFor } from './shield.ts';

export interface ChatSource {
  readonly library: HuggingFaceTokenizer;
  /** tokenizer_config.json */
  readonly config: JsonObject;
  readonly added: readonly AddedTokenJson[];
  readonly special: SpecialIds;
  /** chat_template.jinja */
  readonly template: string | undefined;
}

const ANSWERS = 'assistant';

/** Text and tokens of a conversation. */
interface Rendered {
  readonly text: string;
  readonly ids: readonly number[];
}

type Render = (messages: readonly ChatMessage[], addGenerationPrompt: boolean) => Rendered;

function unstable(): InvalidConfigError {
  const message = 'is not prefix-stable: it writes earlier turns in another way once later ones follow';
  return new InvalidConfigError(
    'Chat template',
    [{ path: 'chat_template', message }],
    'So answers cannot be told from questions: train and score on plain text with this base, or give a template ' +
      'that only appends.',
  );
}

function commonLength(a: readonly number[], b: readonly number[]): number {
  let length = 0;
  while (length < a.length && a[length] === b[length]) length++;
  return length;
}

/** Renders by the template, with control tokens from the template alone. */
function renderer({ library, added }: ChatSource, render: RenderChat): Render {
  const names = added.filter(({ special }) => special).map(({ content }) => content);
  return (messages, addGenerationPrompt) => {
    const shield = shieldFor(messages, names);
    const text = render(shield.messages, addGenerationPrompt);
    const encoder = shield.character === null ? library : withShield(library, shield.character);
    const ids = text === '' ? [] : encoder.encode(text, { add_special_tokens: false }).ids;
    return { text, ids };
  };
}

/**
 * Marks the answers (docs/tokens.md §3). A token on the border of question and answer belongs to the answer; of what follows an answer only
 * the token that ends it is predicted, because generation stops there.
 */
function conversation(
  messages: readonly ChatMessage[],
  render: Render,
  isEnd: (id: number) => boolean,
): ChatTokens {
  const whole = render(messages, false);
  const predicted = new Uint8Array(whole.ids.length);
  for (const [i, { role }] of messages.entries()) {
    if (role !== ANSWERS) continue;
    const before = render(messages.slice(0, i), true);
    const after = render(messages.slice(0, i + 1), false);
    if (!after.text.startsWith(before.text) || !whole.text.startsWith(after.text)) throw unstable();
    const start = commonLength(before.ids, whole.ids);
    const stop = commonLength(after.ids, whole.ids);
    const end = whole.ids.findIndex((id, at) => at >= start && at < stop && isEnd(id));
    predicted.fill(1, start, end < 0 ? stop : end + 1);
  }
  return { ids: whole.ids, predicted };
}

function checkMessages(messages: readonly ChatMessage[], needsAnswer: boolean): void {
  const refuse = (message: string): never => {
    throw new InvalidConfigError('Conversation', [{ path: 'messages', message }]);
  };
  if (messages.length === 0) refuse('are none');
  const roles = messages.map(({ role }) => role);
  if (needsAnswer && !roles.includes(ANSWERS)) refuse(`have no answer: no role is '${ANSWERS}'`);
  if (!needsAnswer && roles.at(-1) === ANSWERS) refuse('end with an answer: there is nothing to answer');
}

/** The control tokens that the template puts right behind an answer. */
function endOfTurn(render: Render, control: ReadonlySet<number>): number[] {
  const asked = [{ role: 'user', content: 'a' }];
  try {
    const start = commonLength(
      render(asked, true).ids,
      render([...asked, { role: ANSWERS, content: 'b' }], false).ids,
    );
    const { ids } = render([...asked, { role: ANSWERS, content: 'b' }], false);
    const end = ids.slice(start).find((id) => control.has(id));
    return end === undefined ? [] : [end];
  } catch (error) {
    // a template for other conversations than this one ends its answers with an end token of the configuration
    if (error instanceof InvalidConfigError) return [];
    throw error;
  }
}

/** The chat template of a base as a {@link ChatFormat}; null where it has none. Throws CorruptDataError. */
export function chatFormatOf(source: ChatSource): ChatFormat | null {
  const { config, added, special } = source;
  const template = source.template ?? templateOf(config);
  if (template === null) return null;
  const names = Object.keys(config).filter((key) => key.endsWith('_token'));
  const texts = names.flatMap((key) => {
    const text = tokenText(config[key]);
    return text === null ? [] : [[key, text]];
  });
  const render = renderer(source, parseChatTemplate(template, Object.fromEntries(texts)));
  const control = new Set(added.filter((token) => token.special).map(({ id }) => id));
  let ends: ReadonlySet<number> | null = null;
  const stops = (): ReadonlySet<number> => {
    ends ??= new Set([...special.eosTokenIds, ...endOfTurn(render, control)]);
    return ends;
  };
  return {
    get stopIds() {
      return [...stops()];
    },
    prompt(messages) {
      checkMessages(messages, false);
      return [...render(messages, true).ids];
    },
    conversation(messages) {
      checkMessages(messages, true);
      return conversation(messages, render, (id) => stops().has(id));
    },
  };
}
