import type { Tokenizer } from '@moect/core';
import type { LanguageSummary, Packing } from './pack-text.ts';

function nameOf(id: number, { bosTokenId, eosTokenIds }: Tokenizer): string {
  if (id === bosTokenId) return `BOS (${id})`;
  return eosTokenIds[0] === id ? `EOS (${id})` : `token ${id}`;
}

/** What stands around a text, in a sentence. */
export function frameSentence({ frame, endOfDocument }: Omit<Packing, 'sequenceLength'>): string {
  const { prefixToken, prefixIds, promptIds, endId, tokenizer } = frame;
  const names = (ids: readonly number[]): string => ids.map((id) => nameOf(id, tokenizer)).join(', ');
  const why = {
    tokenizer: promptIds.length > 0 ? ', as the tokenizer puts it' : ': the tokenizer puts nothing there',
    bos: ', as asked for',
    eos: ', as asked for',
    'moect-0.1': ', by the rule of moect 0.1',
  }[prefixToken];
  const prompts = promptIds.length > 0 ? 'prompts likewise' : 'prompts stand alone';
  const end = endOfDocument && endId !== null ? `end with ${nameOf(endId, tokenizer)}` : 'have no end token';
  return `documents stand after ${names(prefixIds)}${why}; ${prompts}; documents ${end}`;
}

/** What was met while a language's text was encoded. */
export function textNotes({ code, controlNames, lossyDocuments }: LanguageSummary): string[] {
  const places =
    controlNames === 1 ? '1 place names a control token' : `${controlNames} places name control tokens`;
  return [
    ...(controlNames === undefined ? [] : [`${code}: ${places}, such as </s>; it is read as text`]),
    ...(lossyDocuments === undefined
      ? []
      : [`${code}: the tokenizer loses text in ${lossyDocuments} of the documents`]),
  ];
}
