// Compiles assembly/ twice (relaxed SIMD and plain SIMD) and writes the binaries and the operation numbers as
// modules under src/generated/; also the program of a worker thread as a text. Writes assembly/micro-kernel.ts before.
// `--check` compares instead of writing.
import { readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import asc from 'assemblyscript/asc';
import { build } from 'esbuild';
import { microKernelSource } from './micro-kernel.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const MICRO_KERNEL = 'assembly/micro-kernel.ts';
const common = [
  'assembly/index.ts',
  '--outFile',
  'out.wasm',
  '-O3',
  '--noAssert',
  '--runtime',
  'stub',
  '--importMemory',
  '--sharedMemory',
  '--initialMemory',
  '2',
  '--maximumMemory',
  '65536',
  '--memoryBase',
  // behind the queue (assembly/layout.ts)
  '21504',
  '--enable',
  'simd',
  '--enable',
  'threads',
];

/** Bytes of one build. */
async function compile(more) {
  let wasm;
  const { error, stderr } = await asc.main([...common, ...more], {
    readFile: (name, base) =>
      name === MICRO_KERNEL
        ? microKernelSource()
        : readFile(join(root, base, name), 'utf8').catch(() => null),
    writeFile: (name, contents) => {
      if (name.endsWith('.wasm')) wasm = contents;
    },
    listFiles: () => [],
  });
  if (error !== null) throw new Error(`assemblyscript: ${error.message}\n${stderr.toString()}`);
  const warnings = stderr.toString();
  if (warnings !== '') process.stderr.write(warnings);
  return wasm;
}

/** `export const NAME: i32 = 3;` lines of the given files as one constant object. */
async function constants(name, files, unique) {
  const seen = new Map();
  const lines = [];
  for (const file of files) {
    const text = await readFile(join(root, file), 'utf8');
    for (const [, key, value] of text.matchAll(/^export const (\w+): i32 = (\d+);$/gm)) {
      if (unique && seen.has(value))
        throw new Error(`${file}: ${key} and ${seen.get(value)} are both ${value}.`);
      seen.set(value, key);
      lines.push(`  ${key}: ${value},`);
    }
  }
  return `export const ${name} = {\n${lines.join('\n')}\n} as const;\n`;
}

/** Operation numbers and kinds for the JavaScript side. */
async function operationNumbers() {
  const ops = await constants('OP', ['assembly/ops.ts', 'assembly/fused/ops.ts'], true);
  const kinds = await constants('KIND', ['assembly/unary-kinds.ts', 'assembly/binary-kinds.ts'], false);
  return `// Made by scripts/build-wasm.mjs from the operation and kind numbers in assembly/.\n${ops}\n${kinds}`;
}

/** src/thread.ts as one script. */
async function threadScript() {
  const result = await build({
    entryPoints: [join(root, 'src/thread.ts')],
    bundle: true,
    format: 'iife',
    target: 'es2022',
    minify: true,
    write: false,
  });
  const text = JSON.stringify(result.outputFiles[0].text.trim());
  return `// Made by scripts/build-wasm.mjs from src/thread.ts.\nexport const wasmThread: string =\n  ${text};\n`;
}

/** The generated modules, by path. */
export async function generate() {
  const relaxed = await compile(['--enable', 'relaxed-simd']);
  const plain = await compile([]);
  const module = (name, bytes) =>
    `// Made by scripts/build-wasm.mjs from assembly/ (${bytes.length} bytes).\nexport const ${name}: string =\n  '${Buffer.from(bytes).toString('base64')}';\n`;
  return new Map([
    [MICRO_KERNEL, microKernelSource()],
    ['src/generated/wasm-relaxed.ts', module('wasmRelaxed', relaxed)],
    ['src/generated/wasm-plain.ts', module('wasmPlain', plain)],
    ['src/generated/wasm-ops.ts', await operationNumbers()],
    ['src/generated/wasm-thread.ts', await threadScript()],
  ]);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const check = process.argv.includes('--check');
  for (const [path, text] of await generate()) {
    const old = await readFile(join(root, path), 'utf8').catch(() => '');
    if (old === text) continue;
    if (check) {
      process.stderr.write(`${path} is older than assembly/: run npm run build:wasm.\n`);
      process.exitCode = 1;
    } else {
      await writeFile(join(root, path), text);
      process.stdout.write(`wrote ${path} (${text.length} characters)\n`);
    }
  }
}
