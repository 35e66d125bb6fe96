/** How a BPE vocabulary of llama.cpp splits text before merging. */
export interface PreTokenizer {
  /** Regular expressions, applied one after the other; matches and what lies between them become pieces. */
  readonly patterns: readonly string[];
  /** Expressions that are applied to the letters that stand for bytes. */
  readonly letterPatterns?: readonly string[];
  /** Canonical composition comes first. llama.cpp leaves it out; the models' own tokenizers do not. */
  readonly normalizer?: 'NFC';
  /** A piece that is a token is taken whole, whatever the merges say. */
  readonly ignoreMerges?: boolean;
  /** A beginning-of-text token is put in front unless the file says otherwise. */
  readonly addBos?: boolean;
}

// The expressions are those of the models' own tokenizer.json, which llama.cpp (src/llama-vocab.cpp) imitates.

const GPT2 = "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";
const SUFFIX = "(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])";
const SPACES = '\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+';
/** cl100k of tiktoken, with the numbers split as `digits` says. */
const cl100k = (digits: string): string =>
  `${SUFFIX}|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|${digits}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|${SPACES}`;
/** o200k of tiktoken, with contractions as `suffix` says and the numbers split as `digits` says. */
const o200k = (suffix: string, digits: string): string => {
  const [upper, lower] = ['[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]', '[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]'];
  const words = [`${upper}*${lower}+`, `${upper}+${lower}*`];
  const either = words.map((word) => `[^\\r\\n\\p{L}\\p{N}]?${word}${suffix}`).join('|');
  return `${either}|${digits}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|${SPACES}`;
};
const BLOOM = ' ?[^(\\s|.,!?\u2026\u3002\uff0c\u3001\u0964\u06d4\u060c)]+';
const ASCII_PUNCTUATION = '!-/:-@\\[-`{-~';

const gpt2: PreTokenizer = { patterns: [GPT2] };
const digitsThenGpt2: PreTokenizer = { patterns: ['\\p{N}', GPT2] };
const llama3: PreTokenizer = { patterns: [cl100k('\\p{N}{1,3}')], ignoreMerges: true, addBos: true };
const threeDigits: PreTokenizer = { patterns: [cl100k('\\p{N}{1,3}')] };
const digitByDigit: PreTokenizer = { patterns: [cl100k('\\p{N}')] };
const bloom: PreTokenizer = { patterns: [BLOOM] };
const gpt4o: PreTokenizer = { patterns: [o200k(`${SUFFIX}?`, '\\p{N}{1,3}')] };

/** By `tokenizer.ggml.pre`. */
export const PRE_TOKENIZERS: Readonly<Record<string, PreTokenizer>> = {
  default: { patterns: ['[\\p{P}\\$\\+<=>\\^~\\|]+', GPT2, '\\p{N}+', '[0-9][0-9][0-9]'] },
  'gpt-2': gpt2,
  'phi-2': gpt2,
  mpt: gpt2,
  olmo: { ...gpt2, normalizer: 'NFC' },
  jais: gpt2,
  mellum: gpt2,
  exaone4: gpt2,
  trillion: gpt2,
  'a.x-4.0': gpt2,
  gigachat: gpt2,
  smollm: digitsThenGpt2,
  starcoder: digitsThenGpt2,
  refact: digitsThenGpt2,
  'command-r': { ...digitsThenGpt2, normalizer: 'NFC' },
  codeshell: digitsThenGpt2,
  exaone: digitsThenGpt2,
  'minerva-7b': digitsThenGpt2,
  'llama-bpe': llama3,
  llama3: llama3,
  'llama-v3': llama3,
  falcon3: llama3,
  'falcon-h1': llama3,
  pixtral: llama3,
  'midm-2.0': llama3,
  lfm2: llama3,
  dbrx: threeDigits,
  'smaug-bpe': threeDigits,
  glm4: threeDigits,
  'chatglm-bpe': threeDigits,
  qwen2: { ...digitByDigit, normalizer: 'NFC' },
  stablelm2: digitByDigit,
  'deepseek-r1-qwen': digitByDigit,
  kormo: digitByDigit,
  megrez: digitByDigit,
  hunyuan: digitByDigit,
  'grok-2': digitByDigit,
  bloom,
  'poro-chat': bloom,
  'gpt3-finnish': bloom,
  viking: { patterns: [BLOOM, '\\p{N}'] },
  tekken: { patterns: [o200k('', '\\p{N}')], ignoreMerges: true, addBos: true },
  'gpt-4o': gpt4o,
  llama4: gpt4o,
  kanana2: gpt4o,
  // Falcon's own tokenizer looks for numbers after bytes have become letters, and some of those count as numbers
  falcon: {
    patterns: [`[\\p{P}${ASCII_PUNCTUATION}]+`, GPT2],
    letterPatterns: ['\\p{N}+', '[0-9][0-9][0-9]'],
  },
};
