import type { Json } from './tensor.ts';

export type JsonObject = Readonly<Record<string, Json | undefined>>;

/** True for JSON objects; false for arrays and null. */
export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
