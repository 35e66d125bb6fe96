import type { LoadedModel, LoadOptions } from '@moect/models';

/** Files of a base: its tokenizer's identity, and its weights, which may be read more than once. */
export interface BaseSource {
  /** SHA-256 of tokenizer.json; null where there is no tokenizer. */
  readonly tokenizerSha256: string | null;
  load(options: LoadOptions): Promise<LoadedModel>;
}
