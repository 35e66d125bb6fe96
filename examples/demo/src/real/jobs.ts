import type { Report } from '@moect/report';
import type { LanguageFiles } from './language.ts';
import type { Method } from './options.ts';

/** A piece of work for a process of its own: memory of WebAssembly is only given back when its process ends. */
export interface RealJob {
  readonly kind: 'training' | 'measuring';
  readonly method: Method;
  readonly tokens: number;
  /** Folder or GGUF file. */
  readonly base: string;
  readonly languages: readonly LanguageFiles[];
  /** Folder of the training run; it has the pack when the run is done. */
  readonly run: string;
  /** File for the result, written last: where it is, the work is done. */
  readonly result: string;
}

/** Result of a training run. */
export interface Trained {
  readonly trainedTokens: number;
  /** Of the steps since the last start. */
  readonly tokensPerSecond: number;
}

/** Result of measuring a pack. */
export interface Measured {
  /** With this method alone. */
  readonly report: Report;
  /** Bits that the old document that lost most has lost. */
  readonly worstBits: number;
}

export type RealMessage =
  | { readonly kind: 'progress'; readonly share: number }
  | { readonly kind: 'done' }
  | { readonly kind: 'interrupted' }
  | { readonly kind: 'error'; readonly message: string };
