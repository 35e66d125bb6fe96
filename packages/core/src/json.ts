import type { Json } from './tensor.ts';

export type JsonObject = Readonly<Record<string, Json | undefined>>;

/** True for what JSON writes between braces; arrays and null are none. */
export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
