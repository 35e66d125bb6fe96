import { type ChatMessage, InvalidConfigError } from '@moect/core';

/** Characters of Unicode that no text may hold: U+FDD0 to U+FDEF. */
const NONCHARACTERS = Array.from({ length: 32 }, (_, i) => String.fromCharCode(0xfdd0 + i));

/** Messages in which no name of a control token stands as it is. */
export interface Shielded {
  readonly messages: readonly ChatMessage[];
  /** Stands inside each name, and is dropped when names have been looked for; null where there was no name. */
  readonly character: string | null;
}

/** Keeps a message that says `<|im_end|>` from ending its turn. Throws InvalidConfigError. */
export function shieldFor(messages: readonly ChatMessage[], names: readonly string[]): Shielded {
  const found = names.filter((name) => messages.some(({ content }) => content.includes(name)));
  if (found.length === 0) return { messages, character: null };
  const character = NONCHARACTERS.find((each) => messages.every(({ content }) => !content.includes(each)));
  if (character === undefined) {
    const message = 'name control tokens and hold all noncharacters U+FDD0 to U+FDEF';
    throw new InvalidConfigError('Conversation', [{ path: 'messages', message }], 'Clean the text.');
  }
  const shield = (content: string): string => {
    let text = content;
    for (const name of found) text = text.replaceAll(name, `${name[0]}${character}${name.slice(1)}`);
    return text;
  };
  return {
    messages: messages.map((message) => ({ ...message, content: shield(message.content) })),
    character,
  };
}
