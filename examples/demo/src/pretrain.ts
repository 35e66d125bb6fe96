import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { parseArgs } from 'node:util';
import {
  createBatchSource,
  type MixedBatchSource,
  packDocuments,
  readDocuments,
  sha256Hex,
  tokenizeDocuments,
} from '@moect/data';
import { fullCt } from '@moect/experts';
import { createModel, initParameters, loadTokenizer } from '@moect/models';
import { writeJsonAtomic, writeSafetensorsFile } from '@moect/safetensors/node';
import { createRng, selectBackend } from '@moect/tensor';
import { adamW, cosine, progressBar } from '@moect/trainer';
import { abortOnSignals, trainInFolder } from '@moect/trainer/node';
import { BASE_CONFIG, PRETRAINING } from './base-recipe.ts';
import { writeTrainingReport } from './training-report.ts';

const HELP = `Pretrains the demo's base from the text that scripts/prepare-corpus.ts wrote.

  npm run pretrain --workspace examples/demo -- --corpus DIR [--run DIR] [--threads N] [--resume]

Interrupted runs are saved; --resume goes on. The base is written to examples/demo/base.`;

const base = new URL('../base/', import.meta.url);

/** English and Chinese in equal parts, 3 % of text in many other languages. */
async function readBatches(corpus: string): Promise<MixedBatchSource> {
  const tokenizerJson = await readFile(new URL('tokenizer.json', base), 'utf8');
  const tokenizerConfig = await readFile(new URL('tokenizer_config.json', base), 'utf8');
  const tokenizer = loadTokenizer(JSON.parse(tokenizerJson), JSON.parse(tokenizerConfig));
  const languages = [];
  for (const [name, code] of Object.entries(PRETRAINING.files)) {
    const file = path.join(corpus, name);
    const documents = readDocuments(createReadStream(file), {
      source: file,
      format: 'jsonl',
      language: code,
      // the shipped base was trained on the text as it stands
      normalization: 'none',
    });
    const cache = await tokenizeDocuments(tokenizer, documents);
    const sequences = packDocuments(cache, {
      sequenceLength: PRETRAINING.sequenceLength,
      prefixIds: [tokenizer.bosTokenId!],
    });
    console.error(`${code}: ${sequences.documents} documents, ${sequences.targetCount} tokens`);
    languages.push({ code, role: 'unknown' as const, sequences });
  }
  return createBatchSource({
    languages,
    batchSize: PRETRAINING.batchSize,
    seed: PRETRAINING.seed,
    tokenizerId: sha256Hex(tokenizerJson),
    weights: PRETRAINING.weights,
  });
}

const { values: flags } = parseArgs({
  options: {
    corpus: { type: 'string' },
    run: { type: 'string', default: 'runs/pretrain' },
    threads: { type: 'string', default: '1' },
    resume: { type: 'boolean', default: false },
    help: { type: 'boolean' },
  },
});
if (flags.help || flags.corpus === undefined) {
  console.log(HELP);
  process.exit(flags.help ? 0 : 64);
}

const backend = await selectBackend('wasm', { threads: Number(flags.threads) });
console.error(backend.detail);
const data = await readBatches(flags.corpus);
const model = createModel(BASE_CONFIG, initParameters(BASE_CONFIG, createRng(PRETRAINING.seed)));
const extension = fullCt().attach(model, {}, createRng(PRETRAINING.seed));
const { batchSize, sequenceLength, tokens, learningRate } = PRETRAINING;
const totalSteps = Math.ceil(tokens / (batchSize * sequenceLength));
const interruption = abortOnSignals();
const result = await trainInFolder({
  runFolder: flags.run,
  base: model,
  extension,
  data,
  totalSteps,
  optimizer: adamW({ betas: [0.9, 0.95], weightDecay: PRETRAINING.weightDecay }),
  schedule: cosine({ learningRate, totalSteps, warmupRatio: 0.02, minRatio: 0.05 }),
  seed: PRETRAINING.seed,
  checkpointEvery: 200,
  keepLast: 2,
  resume: flags.resume,
  callbacks: [progressBar()],
  signal: interruption.signal,
});
interruption.dispose();
if (result.reason !== 'finished') process.exit(130);

const tensors: [string, { shape: number[]; data: Float32Array }][] = [];
for (const [name, parameter] of extension.parameters) {
  tensors.push([name, { shape: parameter.shape, data: (await parameter.data()) as Float32Array }]);
}
await writeSafetensorsFile(new URL('model.safetensors', base).pathname, tensors, {
  dtype: 'BF16',
  metadata: { format: 'pt' },
});
await writeJsonAtomic(new URL('config.json', base).pathname, BASE_CONFIG);
await writeTrainingReport(flags.run, new URL('training-report.json', base).pathname);
console.log(`Wrote the base after ${result.tokensSeen} tokens.`);
