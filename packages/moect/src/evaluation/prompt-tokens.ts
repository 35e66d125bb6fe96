import { type ChatMessage, InvalidConfigError } from '@moect/core';
import { documentFrame, type PrefixToken } from '@moect/data';
import type { Base } from '../base/base.ts';

/** What is continued: a text, or a conversation that the assistant answers. */
export interface Prompt {
  readonly prompt?: string;
  readonly messages?: readonly ChatMessage[];
}

const isMessage = (value: unknown): boolean => {
  const { role, content } = (value ?? {}) as Partial<ChatMessage>;
  return typeof role === 'string' && typeof content === 'string';
};

/** Throws InvalidConfigError unless exactly one of prompt and messages is there, and is what it must be. */
export function checkPrompt({ prompt, messages }: Prompt): void {
  const refuse = (path: string, message: string): never => {
    throw new InvalidConfigError('generate', [{ path, message }]);
  };
  if (messages === undefined) {
    if (typeof prompt !== 'string') refuse('prompt', `is ${JSON.stringify(prompt)}, must be a text`);
    return;
  }
  if (prompt !== undefined) refuse('messages', 'exclude prompt: give one of the two');
  if (!Array.isArray(messages) || !messages.every(isMessage)) {
    refuse('messages', 'must be a list of { role, content }');
  }
}

/** Tokens of a prompt, and those that end its continuation. */
export interface PromptTokens {
  readonly ids: readonly number[];
  readonly stopIds: readonly number[];
}

/**
 * A text as its tokenizer's makers begin one (see `documentFrame`), or a conversation by their chat template. An empty
 * text is continued as a document begins. Throws InvalidConfigError for messages without a chat template.
 */
export function promptTokens(
  { tokenizer: given, place }: Pick<Base, 'tokenizer' | 'place'>,
  { prompt = '', messages }: Prompt,
  prefixToken: PrefixToken,
): PromptTokens {
  const { tokenizer, promptIds, prefixIds } = documentFrame(given, prefixToken);
  if (messages === undefined) {
    const ids = [...promptIds, ...tokenizer.encode(prompt)];
    return { ids: ids.length > 0 ? ids : prefixIds, stopIds: tokenizer.eosTokenIds };
  }
  const { chat } = given;
  if (chat == null) {
    throw new InvalidConfigError(
      'generate',
      [{ path: 'messages', message: `need a chat template, and ${place} has none` }],
      "Use the instruct model of the family, or put its chat_template.jinja into the base's folder; or give a text to " +
        'be continued (--prompt without --chat).',
    );
  }
  return { ids: chat.prompt(messages), stopIds: [...new Set([...chat.stopIds, ...given.eosTokenIds])] };
}
