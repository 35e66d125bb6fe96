import { type ChatMessage, CorruptDataError } from '@moect/core';
import { unifyLineEnds } from './clean-text.ts';

/** ShareGPT's names of the roles. */
const SHARE_GPT_ROLES: Readonly<Record<string, string>> = {
  human: 'user',
  user: 'user',
  gpt: 'assistant',
  chatgpt: 'assistant',
  assistant: 'assistant',
  system: 'system',
  tool: 'tool',
};

type Refuse = (path: string, reason: string) => never;

/** A message's text: a string, or parts of type text. */
function contentOf(value: unknown, path: string, refuse: Refuse): string {
  if (typeof value === 'string') return value;
  const parts = Array.isArray(value) ? value : [];
  const texts = parts.map((part) => (part as { type?: unknown; text?: unknown } | null) ?? {});
  if (parts.length > 0 && texts.every(({ type, text }) => type === 'text' && typeof text === 'string')) {
    return texts.map(({ text }) => text as string).join('');
  }
  return refuse(path, 'must be a text');
}

function messageOf(value: unknown, path: string, refuse: Refuse): ChatMessage {
  const record = typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  if (typeof record['role'] === 'string') {
    return { role: record['role'], content: contentOf(record['content'], `${path}.content`, refuse) };
  }
  if (typeof record['from'] !== 'string') {
    return refuse(path, 'must be { role, content } or { from, value }');
  }
  const role = SHARE_GPT_ROLES[record['from']];
  if (role === undefined) {
    const known = Object.keys(SHARE_GPT_ROLES).join(', ');
    return refuse(`${path}.from`, `is '${record['from']}', must be one of ${known}`);
  }
  return { role, content: contentOf(record['value'], `${path}.value`, refuse) };
}

/** A conversation for reading. */
export function conversationText(messages: readonly ChatMessage[]): string {
  return messages.map(({ role, content }) => `${role}: ${content}`).join('\n');
}

/**
 * Checks messages: `{ role, content }`, or ShareGPT's `{ from, value }`. CR LF and CR become LF, as in other text.
 * @param place names them in messages of errors, for example `line 3`
 * Throws CorruptDataError.
 */
export function parseMessages(value: unknown, place: string, source: string): ChatMessage[] {
  const refuse: Refuse = (path, reason) => {
    const hint = "A conversation is a list of { role, content }, with an answer of the role 'assistant'.";
    throw new CorruptDataError(source, `${place}: ${path} ${reason}`, hint);
  };
  if (!Array.isArray(value)) return refuse('messages', 'must be a list');
  const messages = value.map((message, i) => messageOf(message, `messages[${i}]`, refuse));
  const answers = messages.filter(({ role }) => role === 'assistant');
  if (answers.length === 0) refuse('messages', "have no answer: no role is 'assistant'");
  if (answers.every(({ content }) => content.trim() === '')) refuse('messages', 'have no answer with text');
  return messages.map(({ role, content }) => ({ role, content: unifyLineEnds(content) }));
}
