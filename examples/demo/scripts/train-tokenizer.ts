/**
 * Trains the demo's tokenizer on the old languages of a corpus made by prepare-corpus.ts.
 * node --conditions=@moect/source --import tsx examples/demo/scripts/train-tokenizer.ts --corpus DIR
 *
 * Writes tokenizer.json and tokenizer_config.json into examples/demo/base (or --out) and prints UTF-8 bytes per
 * token of each file, measured with the package that the demo loads them with.
 */
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Tokenizer } from '@huggingface/tokenizers';
import { oldLanguages, readRecords } from './corpus/layout.ts';
import { byteLength } from './corpus/text.ts';
import { tokenizerConfig, tokenizerJson } from './tokenizer/tokenizer-files.ts';
import { trainByteLevelBpe } from './tokenizer/train-bpe.ts';

const { values } = parseArgs({
  options: {
    corpus: { type: 'string' },
    out: { type: 'string' },
    'vocab-size': { type: 'string', default: '2048' },
  },
});
if (values.corpus === undefined)
  throw new Error('--corpus DIR is missing: the folder that prepare-corpus.ts wrote.');
const out = values.out ?? fileURLToPath(new URL('../base/', import.meta.url));
const specialTokens = ['<s>', '</s>'] as const;

const records = await Promise.all(
  oldLanguages.map((code) => readRecords(join(values.corpus!, `${code}.jsonl`))),
);
const trained = trainByteLevelBpe(
  records.flat().map(({ text }) => text),
  { vocabSize: Number(values['vocab-size']), specialTokens },
);
const json = tokenizerJson(trained, specialTokens);
const config = tokenizerConfig(specialTokens[0], specialTokens[1], 128);
await mkdir(out, { recursive: true });
await writeFile(join(out, 'tokenizer.json'), `${JSON.stringify(json, null, 1)}\n`);
await writeFile(join(out, 'tokenizer_config.json'), `${JSON.stringify(config, null, 2)}\n`);
console.log(`${trained.tokens.length} tokens, ${trained.merges.length} merges`);

const tokenizer = new Tokenizer(json, config);
for (const name of (await readdir(values.corpus)).filter((file) => file.endsWith('.jsonl')).sort()) {
  let bytes = 0;
  let tokens = 0;
  for (const { text } of await readRecords(join(values.corpus, name))) {
    const { ids } = tokenizer.encode(text, { add_special_tokens: false });
    if (tokenizer.decode(ids, { clean_up_tokenization_spaces: false }) !== text) {
      throw new Error(`${name}: a text does not survive encoding and decoding: ${text.slice(0, 80)}`);
    }
    bytes += byteLength(text);
    tokens += ids.length;
  }
  console.log(`${name}: ${bytes} bytes, ${tokens} tokens, ${(bytes / tokens).toFixed(3)} bytes per token`);
}
