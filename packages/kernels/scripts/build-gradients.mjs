// Bundles tfjs-core's gradient registrations, which plain Node cannot import: its ES modules lack extensions.
import { readFile, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { build } from 'esbuild';

const require = createRequire(import.meta.url);
const manifest = JSON.parse(await readFile(require.resolve('@tensorflow/tfjs-core/package.json'), 'utf8'));
const out = new URL('../src/generated/tfjs-gradients.js', import.meta.url);
const result = await build({
  entryPoints: [require.resolve('@tensorflow/tfjs-core/dist/register_all_gradients.js')],
  bundle: true,
  format: 'esm',
  platform: 'neutral',
  minify: true,
  legalComments: 'none',
  write: false,
});
const banner = `/* Gradients of @tensorflow/tfjs-core ${manifest.version}, Apache-2.0, Copyright Google LLC. Made by scripts/build-gradients.mjs. */\n`;
await writeFile(out, banner + result.outputFiles[0].text);
