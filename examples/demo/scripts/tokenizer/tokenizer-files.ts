import type { TrainedBpe } from './train-bpe.ts';

const byteLevel = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true };

/** Puts BOS in front of a text, as in the pretraining. */
function withBos(bos: string, id: number): object {
  const special = { SpecialToken: { id: bos, type_id: 0 } };
  const text = (name: string): object => ({ Sequence: { id: name, type_id: 0 } });
  return {
    type: 'Sequence',
    processors: [
      byteLevel,
      {
        type: 'TemplateProcessing',
        single: [special, text('A')],
        pair: [special, text('A'), text('B')],
        special_tokens: { [bos]: { id: bos, ids: [id], tokens: [bos] } },
      },
    ],
  };
}

/** tokenizer.json of Hugging Face `tokenizers`. The first special token is put in front of a text. */
export function tokenizerJson(trained: TrainedBpe, specialTokens: readonly string[]): object {
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: specialTokens.map((content, id) => ({
      id,
      content,
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
      special: true,
    })),
    normalizer: null,
    pre_tokenizer: byteLevel,
    post_processor: withBos(specialTokens[0]!, 0),
    decoder: byteLevel,
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: false,
      vocab: Object.fromEntries(trained.tokens.map((token, id) => [token, id])),
      merges: trained.merges,
    },
  };
}

/** tokenizer_config.json, as transformers reads it. */
export function tokenizerConfig(bos: string, eos: string, modelMaxLength: number): object {
  return {
    tokenizer_class: 'PreTrainedTokenizerFast',
    add_bos_token: true,
    add_eos_token: false,
    add_prefix_space: false,
    bos_token: bos,
    eos_token: eos,
    clean_up_tokenization_spaces: false,
    model_max_length: modelMaxLength,
  };
}
