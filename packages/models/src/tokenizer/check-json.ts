import { CorruptDataError, isJsonObject, type Json, type JsonObject } from '@moect/core';

export const TOKENIZER_FILE = 'tokenizer.json';

/** No vocabulary is so large; an id beyond it is damage, and would take memory for all ids below it. */
const MAX_ID = 2 ** 24;

/** The error for a tokenizer.json that does not hold what its format promises. */
export function damaged(reason: string, cause?: unknown): CorruptDataError {
  const hint = 'Fetch the file again: it must be a tokenizer.json of Hugging Face tokenizers.';
  return new CorruptDataError(TOKENIZER_FILE, reason, hint, cause);
}

export interface AddedTokenJson {
  readonly id: number;
  readonly content: string;
  readonly special: boolean;
}

function checkId(token: string, id: unknown): void {
  if (Number.isInteger(id) && (id as number) >= 0 && (id as number) < MAX_ID) return;
  throw new CorruptDataError(
    TOKENIZER_FILE,
    `token '${token}' has the id ${JSON.stringify(id)}`,
    'Ids are whole numbers from 0.',
  );
}

/** Throws CorruptDataError. */
export function addedTokensOf(json: JsonObject): AddedTokenJson[] {
  if (!isJsonObject(json)) throw damaged('is no JSON object');
  const added = json['added_tokens'] ?? [];
  if (!Array.isArray(added)) throw damaged('added_tokens is no list');
  return added.map((token: Json, i) => {
    if (!isJsonObject(token) || typeof token['content'] !== 'string' || token['content'] === '') {
      throw damaged(`added_tokens[${i}] has no content`);
    }
    const { content, id } = token;
    checkId(content, id);
    return { content, id: id as number, special: token['special'] === true };
  });
}

function modelOf(json: JsonObject): JsonObject {
  if (isJsonObject(json['model'])) return json['model'];
  throw damaged('has no model');
}

type Merge = readonly [left: string, right: string];

function mergeOf(merge: Json, i: number): Merge {
  const parts = typeof merge === 'string' ? merge.split(' ') : merge;
  if (Array.isArray(parts) && parts.length === 2 && parts.every((part) => typeof part === 'string')) {
    return parts as unknown as Merge;
  }
  throw damaged(`model.merges[${i}] is ${JSON.stringify(merge)}, which is no pair of pieces`);
}

/** Merges whose result is a control token are left out: no text gives such a token. */
function checkedBpe(model: JsonObject, special: ReadonlySet<string>): JsonObject {
  const { vocab, merges } = model;
  if (!isJsonObject(vocab)) throw damaged('model.vocab is no object');
  for (const [token, id] of Object.entries(vocab)) checkId(token, id);
  if (!Array.isArray(merges)) throw damaged('model.merges is no list');
  const prefix = (model['continuing_subword_prefix'] as string | null | undefined) ?? '';
  const kept = merges.filter((merge: Json, i) => {
    const [left, right] = mergeOf(merge, i);
    const made = left + right.slice(right.startsWith(prefix) ? prefix.length : 0);
    const unknown = [left, right, made].find((piece) => !Object.hasOwn(vocab, piece));
    if (unknown === undefined) return !special.has(made);
    throw damaged(`model.merges[${i}] names '${unknown}', which is not in the vocabulary`);
  });
  return kept.length === merges.length ? model : { ...model, merges: kept };
}

/** Control tokens keep their ids, but not as pieces that a text could be cut into. */
function checkedUnigram(model: JsonObject, special: ReadonlySet<string>): JsonObject {
  const { vocab } = model;
  if (!Array.isArray(vocab)) throw damaged('model.vocab is no list');
  const pieces = vocab.map((entry: Json, i) => {
    const [piece, score] = Array.isArray(entry) ? entry : [];
    if (typeof piece !== 'string' || typeof score !== 'number') {
      throw damaged(`model.vocab[${i}] is ${JSON.stringify(entry)}, which is no piece with a score`);
    }
    // U+FFFF is no character, so that no text has it
    return special.has(piece) ? [`\uffff${piece}`, score] : entry;
  });
  const unknown = model['unk_id'] ?? 0;
  if (!Number.isInteger(unknown) || !((unknown as number) in pieces)) {
    throw damaged(`model.unk_id is ${JSON.stringify(unknown)}, which is no piece`);
  }
  return { ...model, vocab: pieces, unk_id: unknown };
}

/**
 * Checks the parts of a tokenizer.json that would otherwise fail, or give other ids, only once a text is encoded.
 * Throws CorruptDataError.
 */
export function checkedTokenizerJson(json: JsonObject, added: readonly AddedTokenJson[]): JsonObject {
  const model = modelOf(json);
  const special = new Set(added.filter((token) => token.special).map(({ content }) => content));
  const type = model['type'] ?? (Array.isArray(model['vocab']) ? 'Unigram' : 'BPE');
  if (type === 'BPE') return { ...json, model: { ...checkedBpe(model, special), type } };
  if (type === 'Unigram') return { ...json, model: { ...checkedUnigram(model, special), type } };
  if (type === 'WordPiece') return json;
  throw damaged(`model.type is ${JSON.stringify(type)}, must be one of BPE, Unigram, WordPiece`);
}
