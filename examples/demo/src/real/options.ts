import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

export const HELP = `Teaches Swahili to SmolLM2-135M in four ways, and shows what became of its English.

  npm run demo:real [-- --tokens N] [--methods ct,moe-ct] [--output DIR]
  npm run demo:real -- --text swh_Latn=FILE --replay eng_Latn=FILE --output DIR

Fetches the model (98 MB) and the text (104 MB), trains, measures, and writes report.json, report.html and the language
packs. Ctrl-C saves; the same command goes on. --text and --replay are text of your own, a document a line (.txt) or a
record a line (.jsonl), of which a tenth is held out. --base is another model: a folder or a GGUF file.`;

/** Full continual training is the yardstick; the others are told against it. */
export const METHODS = ['lora-ct', 'ct', 'moe-ct', 'moe-ct-mixture'] as const;
export type Method = (typeof METHODS)[number];

/** Under two passes over the Swahili text. */
const TOKENS = 60_000;

/** A wrong command line. */
export class UsageError extends Error {}

export interface FileOption {
  readonly code: string;
  readonly file: string;
}

export interface RealOptions {
  readonly methods: readonly Method[];
  readonly tokens: number;
  readonly output: string;
  readonly base: string | undefined;
  readonly text: FileOption | undefined;
  readonly replay: FileOption | undefined;
}

function fileOption(name: string, value: string | undefined, from: string): FileOption | undefined {
  if (value === undefined) return undefined;
  const [, code, file] = /^([\w-]+)=(.+)$/.exec(value) ?? [];
  if (code === undefined || file === undefined)
    throw new UsageError(`${name} is '${value}', must be CODE=FILE.`);
  return { code, file: path.resolve(from, file) };
}

function methodsOf(value: string): Method[] {
  const asked = value.split(',');
  const unknown = asked.find((name) => !METHODS.some((method) => method === name));
  if (unknown !== undefined) {
    throw new UsageError(`There is no method '${unknown}'. Available: ${METHODS.join(', ')}.`);
  }
  return METHODS.filter((method) => asked.includes(method));
}

/** Options of the command line; null: help was asked for. Throws UsageError. */
export function parseOptions(args: readonly string[], from: string): RealOptions | null {
  const { values } = parseArgs({
    args: [...args],
    options: {
      methods: { type: 'string', default: METHODS.join(',') },
      tokens: { type: 'string', default: String(TOKENS) },
      output: { type: 'string' },
      base: { type: 'string' },
      text: { type: 'string' },
      replay: { type: 'string' },
      help: { type: 'boolean' },
    },
  });
  if (values.help === true) return null;
  const tokens = Number(values.tokens);
  if (!Number.isInteger(tokens) || tokens < 1) {
    throw new UsageError(`--tokens is '${values.tokens}', must be a whole number above 0.`);
  }
  const [text, replay] = [
    fileOption('--text', values.text, from),
    fileOption('--replay', values.replay, from),
  ];
  if (text !== undefined && text.code === (replay?.code ?? 'eng_Latn'))
    throw new UsageError(`${text.code} cannot be both the new language and the old one.`);
  return {
    methods: methodsOf(values.methods),
    tokens,
    output:
      values.output === undefined
        ? fileURLToPath(new URL('../../out/real', import.meta.url))
        : path.resolve(from, values.output),
    base: values.base === undefined ? undefined : path.resolve(from, values.base),
    text,
    replay,
  };
}
