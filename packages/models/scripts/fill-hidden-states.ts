// Child process of hidden-state-cache.test.ts: fills a folder until somebody kills it. Argument: the folder.
import { selectBackend } from '@moect/tensor';
import { openHiddenStateCache } from '../src/node/hidden-states/hidden-state-cache.ts';
import { deepLlama } from '../src/testing/deep-llama.ts';
import { numberedBatch } from '../src/testing/numbered-batch.ts';

const folder = process.argv[2]!;
await selectBackend('wasm');
const base = deepLlama(1);
const cache = await openHiddenStateCache({
  base,
  baseSha256: 'one',
  layer: 3,
  at: 'block',
  folder,
  maxBytes: 100_000,
});
for (let number = 0; ; number++) {
  (await cache.hiddenStates(numberedBatch(number))).dispose();
  process.stdout.write(`${number}\n`);
}
