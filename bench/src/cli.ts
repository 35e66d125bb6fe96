import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { BenchCase } from './cases/bench-case.ts';
import { CASES } from './cases/index.ts';

export const HELP = `npm run bench [-- OPTIONS]
Measures this library beside others on the same work, contenders in turn, each in its own process.

  --case NAME        only this case; may repeat
  --contenders A,B   only these
  --quick            5 rounds, without those that take many seconds a step
  --rounds N         default 7
  --out FILE         default bench/results/latest.json; cases that do not run keep their result there
  --list             cases and contenders
  --write-docs       puts the results into a page of the docs; measures nothing
  --page FILE        that page; default docs/benchmarks.md
  --help

PyTorch takes part where python3, or the Python in MOECT_BENCH_PYTHON, has torch;
genai-nanogpt and llama.cpp after \`npm run bench:peers\`, tfjs-node after \`npm run setup:node-backend\`;
those named -webgpu where Dawn finds an adapter. The cases of SmolLM2 need MOECT_SMOLLM2_GGUF and
MOECT_SMOLLM2: \`npm run get:smollm2 -- DIR --folder\` fetches both.`;

export interface RunOptions {
  readonly action: 'run' | 'list' | 'help' | 'write-docs';
  readonly cases: readonly BenchCase[];
  readonly contenders?: readonly string[];
  readonly isQuick: boolean;
  readonly rounds: number;
  readonly out: string;
  readonly page: string;
}

const PAGE = fileURLToPath(new URL('../../docs/benchmarks.md', import.meta.url));
const LATEST = fileURLToPath(new URL('../results/latest.json', import.meta.url));

/** Resolves a path from the caller's folder: npm runs this program in the folder of the workspace. */
function fromCaller(file: string): string {
  const { INIT_CWD: caller = '.' } = process.env;
  return path.resolve(caller, file);
}

function unknown(kind: string, given: readonly string[], known: readonly string[]): void {
  const wrong = given.filter((name) => !known.includes(name));
  if (wrong.length > 0)
    throw new Error(`There is no ${kind} ${wrong.join(', ')}; known: ${known.join(', ')}`);
}

/** Reads the options. Throws an error of one line. */
export function readOptions(args: readonly string[]): RunOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      case: { type: 'string', multiple: true },
      contenders: { type: 'string' },
      quick: { type: 'boolean', default: false },
      rounds: { type: 'string' },
      out: { type: 'string', default: LATEST },
      page: { type: 'string', default: PAGE },
      list: { type: 'boolean', default: false },
      'write-docs': { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  const names = values.case ?? CASES.map(({ name }) => name);
  unknown(
    'case',
    names,
    CASES.map(({ name }) => name),
  );
  const cases = CASES.filter(({ name }) => names.includes(name));
  const contenders = values.contenders?.split(',');
  unknown(
    'contender',
    contenders ?? [],
    cases.flatMap(({ entries }) => entries.map(({ name }) => name)),
  );
  const rounds = Number(values.rounds ?? (values.quick ? 5 : 7));
  if (!Number.isInteger(rounds) || rounds < 1)
    throw new Error(`--rounds ${values.rounds} is not a count from 1`);
  const asked = (['help', 'list', 'write-docs'] as const).find((action) => values[action]);
  return {
    action: asked ?? 'run',
    cases,
    isQuick: values.quick,
    rounds,
    out: fromCaller(values.out),
    page: fromCaller(values.page),
    ...(contenders && { contenders }),
  };
}

export function listText(cases: readonly BenchCase[]): string {
  return cases
    .map(
      ({ name, title, entries }) => `${name}\n  ${title}\n  ${entries.map((entry) => entry.name).join(', ')}`,
    )
    .join('\n');
}
