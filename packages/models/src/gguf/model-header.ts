import { InvalidConfigError, type Json, type JsonObject } from '@moect/core';
import type { GgufFile } from '@moect/safetensors';
import { type FieldReader, fieldReader } from '../hf/json-fields.ts';

/** What a GGUF file says of its model, for a row of the table of architectures. */
export interface ModelHeader {
  /** `general.architecture`. */
  readonly architecture: string;
  /** Reader of the keys `<architecture>.*`, by what follows the dot; its problems name the whole key. */
  readonly fields: FieldReader;
  /** A value of `<architecture>.*`; undefined where there is none. */
  value(key: string): Json | undefined;
  /** Shape of a tensor, row-major; undefined where there is none. */
  shape(tensor: string): readonly number[] | undefined;
  /** Values of `rope_freqs.weight`: what each frequency of the rotation is divided by. */
  readonly frequencyFactors: readonly number[] | null;
}

async function frequencyFactors(file: GgufFile): Promise<readonly number[] | null> {
  const entry = file.entries.get('rope_freqs.weight');
  if (entry === undefined) return null;
  if (entry.type.name === 'F32') {
    // a copy, because a typed array may not begin at any byte
    const { buffer } = new Uint8Array(await file.bytes('rope_freqs.weight'));
    return [...new Float32Array(buffer)];
  }
  const message = `is stored as ${entry.type.name}, must be F32`;
  throw new InvalidConfigError(file.name, [{ path: 'rope_freqs.weight', message }]);
}

/** Throws InvalidConfigError for a file that names no architecture, or is one of several parts. */
export async function readModelHeader(file: GgufFile): Promise<ModelHeader> {
  const json = Object.fromEntries(file.metadata) as JsonObject;
  const general = fieldReader(json, file.name);
  const architecture = general.text('general.architecture');
  const parts = general.count('split.count', 1, 0);
  if (parts > 1) general.problem('split.count', `is ${parts}: this is one of several parts`);
  general.finish('Join the parts first: `llama-gguf-split --merge` of llama.cpp.');
  const own = Object.entries(json).filter(([key]) => key.startsWith(`${architecture}.`));
  const values = Object.fromEntries(own.map(([key, value]) => [key.slice(architecture.length + 1), value]));
  return {
    architecture,
    fields: fieldReader({}, file.name).nested(architecture, values),
    value: (key) => values[key],
    shape: (tensor) => file.entries.get(tensor)?.shape,
    frequencyFactors: await frequencyFactors(file),
  };
}
