import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';

const root = path.resolve(import.meta.dirname, '../fixtures');

/**
 * Absolute path of a committed fixture: `fixture('models/qwen3')`.
 * @throws Error where it is missing. Every clone has the fixtures, so no test may be skipped for want of one.
 */
export function fixture(name: string): string {
  const full = path.join(root, name);
  if (existsSync(full)) return full;
  throw new Error(
    `There is no fixture test/fixtures/${name}. Restore it with 'git checkout -- test/fixtures', or make it as test/fixtures/README.md says.`,
  );
}

/** Contents of a committed JSON file. */
export function fixtureJson<T>(name: string): T {
  return JSON.parse(readFileSync(fixture(name), 'utf8')) as T;
}

/** What `tensor(data, shape, dtype)` takes. */
export interface FixtureTensor {
  readonly data: Float32Array | Int32Array;
  readonly shape: number[];
  readonly dtype: 'float32' | 'int32';
}

interface Entry {
  readonly dtype: string;
  readonly shape: number[];
  readonly data_offsets: [number, number];
}

/** One tensor of a file whose data begin at `start`. */
function tensorOf(
  bytes: Buffer,
  start: number,
  { dtype, shape, data_offsets: offsets }: Entry,
): FixtureTensor {
  const { buffer } = Uint8Array.from(bytes.subarray(start + offsets[0], start + offsets[1]));
  if (dtype === 'I32') return { data: new Int32Array(buffer), shape, dtype: 'int32' };
  if (dtype === 'F32') return { data: new Float32Array(buffer), shape, dtype: 'float32' };
  throw new Error(`Fixtures hold F32 and I32 tensors; this one is ${dtype}.`);
}

/**
 * Tensors of a committed safetensors file, F32 and I32, by name. Packages that know no files read their evidence here,
 * and it is a second reader beside the one under test.
 */
export function fixtureTensors(name: string): ReadonlyMap<string, FixtureTensor> {
  const bytes = readFileSync(fixture(name));
  const start = 8 + Number(bytes.readBigUInt64LE(0));
  const { __metadata__, ...entries } = JSON.parse(bytes.toString('utf8', 8, start)) as Record<string, Entry>;
  return new Map(Object.entries(entries).map(([key, entry]) => [key, tensorOf(bytes, start, entry)]));
}
