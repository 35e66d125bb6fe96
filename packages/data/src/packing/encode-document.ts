import { type Document, InvalidConfigError } from '@moect/core';
import type { DocumentFrame } from './document-frame.ts';

/** A document as a model reads it: `prefixIds`, then `ids`. */
export interface EncodedDocument {
  /** At least one; none is predicted. */
  readonly prefixIds: readonly number[];
  readonly ids: readonly number[];
  /** 1 where a token is predicted, else 0 [ids]; null: all of them are. */
  readonly predicted: Uint8Array | null;
  /** UTF-8 bytes of the text that is predicted: of a conversation, of its answers. */
  readonly bytes: number;
}

const utf8 = new TextEncoder();

/** UTF-8 bytes of a document's text; of a conversation, of its answers. */
export function documentBytes({ text, messages }: Document): number {
  if (messages === undefined) return utf8.encode(text).length;
  const answers = messages.filter(({ role }) => role === 'assistant');
  return answers.reduce((sum, { content }) => sum + utf8.encode(content).length, 0);
}

function encodeConversation(document: Document, { tokenizer }: DocumentFrame): EncodedDocument {
  const { id, messages = [] } = document;
  if (tokenizer.chat == null) {
    const message = `is a conversation (messages), and this base has no chat template`;
    throw new InvalidConfigError(
      'Text',
      [{ path: id, message }],
      "Use the instruct model of the family, or put its chat_template.jinja into the base's folder; or give plain text " +
        'in the field `text`.',
    );
  }
  try {
    const { ids, predicted } = tokenizer.chat.conversation(messages);
    // the template begins a conversation itself: its first token is the context of the second
    const bytes = documentBytes(document);
    return { prefixIds: ids.slice(0, 1), ids: ids.slice(1), predicted: predicted.slice(1), bytes };
  } catch (error) {
    if (!(error instanceof InvalidConfigError)) throw error;
    const problems = error.problems.map(({ path, message }) => ({ path: `${id}: ${path}`, message }));
    throw new InvalidConfigError('Text', problems, error.hint);
  }
}

/**
 * Tokens of a document: its text within the frame, or its conversation by the chat template of the model's makers, of
 * which only the answers are predicted. The end token of the frame is not among them.
 * Throws InvalidConfigError for a conversation without template or that the template refuses.
 */
export function encodeDocument(document: Document, frame: DocumentFrame): EncodedDocument {
  const { tokenizer, prefixIds } = frame;
  if (document.messages !== undefined) return encodeConversation(document, frame);
  return { prefixIds, ids: tokenizer.encode(document.text), predicted: null, bytes: documentBytes(document) };
}
