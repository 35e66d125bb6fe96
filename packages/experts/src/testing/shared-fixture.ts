import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Tensor } from '@moect/core';
import { tensor } from '@moect/tensor';

/** Path inside the folder of reference data beside the repository; null, with a printed reason, where it is absent. */
export function sharedFixture(path: string): string | null {
  const full = fileURLToPath(new URL(`../../../../../shared/fixtures/${path}`, import.meta.url));
  if (existsSync(full)) return full;
  console.warn(`skipped: ../shared/fixtures/${path} is not there`);
  return null;
}

interface Entry {
  readonly dtype: string;
  readonly shape: number[];
  readonly data_offsets: [number, number];
}

/** Tensors of a small safetensors file, float32 and int32, by name. */
export function readFixture(file: string): { names: string[]; load: (name: string) => Tensor } {
  const bytes = readFileSync(file);
  const header = Number(bytes.readBigUInt64LE(0));
  const entries = JSON.parse(bytes.toString('utf8', 8, 8 + header)) as Record<string, Entry>;
  return {
    names: Object.keys(entries).filter((name) => name !== '__metadata__'),
    load: (name) => {
      const { dtype, shape, data_offsets: offsets } = entries[name]!;
      const { buffer } = Uint8Array.from(bytes.subarray(8 + header + offsets[0], 8 + header + offsets[1]));
      const isInt = dtype === 'I32';
      return tensor(
        isInt ? new Int32Array(buffer) : new Float32Array(buffer),
        shape,
        isInt ? 'int32' : 'float32',
      );
    },
  };
}
