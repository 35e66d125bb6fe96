import {
  CorruptDataError,
  InvalidConfigError,
  isJsonObject,
  type JsonObject,
  type Tokenizer,
} from '@moect/core';

/** Names of the special tokens that were added behind the vocabulary of a model, such as `<pad>`. */
function specialTokensFrom(vocabSize: number, tokenizerJson: JsonObject): string[] {
  const added = tokenizerJson['added_tokens'];
  return (Array.isArray(added) ? added : []).flatMap((token) => {
    if (!isJsonObject(token) || token['special'] !== true) return [];
    const { id, content } = token;
    return typeof id === 'number' && id >= vocabSize ? [String(content)] : [];
  });
}

/** The tokenizer without the tokens that the model does not know: a text that gives one is refused. */
function without(tokenizer: Tokenizer, vocabSize: number, where: string): Tokenizer {
  return {
    ...tokenizer,
    vocabSize,
    encode(text) {
      const ids = tokenizer.encode(text);
      const beyond = ids.find((id) => id >= vocabSize);
      if (beyond === undefined) return ids;
      throw new CorruptDataError(
        where,
        `the text gives the token ${tokenizer.decode([beyond]) || beyond}, and the model has only ${vocabSize} tokens`,
        'Take that word out of the text.',
      );
    },
  };
}

/**
 * Fits a tokenizer to a model. Special tokens that were added without a weight for them, often `<pad>`, are left out, with
 * a note: no text gives them. Throws InvalidConfigError where text could give tokens that the model does not know.
 */
export function fitVocabulary(
  tokenizer: Tokenizer | null,
  vocabSize: number,
  where: string,
  tokenizerJson: JsonObject = {},
): { readonly tokenizer: Tokenizer | null; readonly notes: readonly string[] } {
  if (tokenizer === null || tokenizer.vocabSize <= vocabSize) return { tokenizer, notes: [] };
  const added = specialTokensFrom(vocabSize, tokenizerJson);
  if (added.length === tokenizer.vocabSize - vocabSize) {
    const note = `the tokenizer's ${added.join(', ')} has no weight in the model and is left out`;
    return { tokenizer: without(tokenizer, vocabSize, where), notes: [note] };
  }
  const message = `is ${vocabSize}, but the tokenizer has ${tokenizer.vocabSize} tokens`;
  throw new InvalidConfigError(
    where,
    [{ path: 'vocab_size', message }],
    'Tokenizer and weights do not belong together.',
  );
}
