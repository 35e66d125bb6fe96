import type { BackendName } from '@moect/tensor';

/** The page's request to train. */
export interface TrainRequest {
  /** A GGUF file of the user's own; null: the model that comes with the page. */
  readonly model: File | null;
  readonly language: string;
  readonly text: File;
  /** Text of a language that the base knows, for replay; null: none. */
  readonly oldText: { readonly language: string; readonly text: File } | null;
  readonly backend: 'auto' | 'webgpu' | 'wasm';
  /** Passes over the text; used only if `steps` is null. */
  readonly epochs: number;
  readonly steps: number | null;
  /** Sequences in a step; null: chosen by the amount of text. */
  readonly batchSize: number | null;
  /** Tokens in a sequence; null: the base's context. */
  readonly sequenceLength: number | null;
  /** Limit of GPU memory; null: not checked, since WebGPU does not report the size of the memory. */
  readonly gpuMemoryBytes: number | null;
}

/** Bits per byte of text that was not trained on. */
export interface Score {
  readonly language: string;
  readonly role: 'new' | 'old';
  readonly bitsPerByte: number;
}

/** Sizes of a run, and the memory that it will take. */
export interface PlanEvent {
  readonly kind: 'plan';
  readonly preset: string;
  readonly documents: number;
  readonly heldOutDocuments: number;
  readonly tokens: number;
  readonly steps: number;
  readonly batchSize: number;
  readonly sequenceLength: number;
  readonly trainableParameters: number;
  readonly baseParameters: number;
  /** Predicted memory, including that of the base. */
  readonly memoryBytes: number;
  /** Beginning of a held-out text, to be continued. */
  readonly prompt: string;
}

export interface StepEvent {
  readonly kind: 'step';
  readonly step: number;
  readonly totalSteps: number;
  /** nats a token */
  readonly loss: number;
  readonly tokensPerSecond: number;
  readonly secondsLeft: number;
}

/** Events of a run. */
export type RunEvent =
  | { readonly kind: 'status'; readonly text: string }
  | {
      readonly kind: 'backend';
      readonly name: BackendName;
      /** Description of the backend, and the reason for its choice. */
      readonly detail: string;
    }
  | PlanEvent
  | { readonly kind: 'scores'; readonly when: 'before' | 'after'; readonly scores: readonly Score[] }
  | StepEvent
  | { readonly kind: 'text'; readonly pack: boolean; readonly text: string };

export interface RunOutcome {
  readonly reason: 'finished' | 'stopped' | 'interrupted';
  readonly steps: number;
}

/** Requests by name, each with its reply. */
export interface Requests {
  train: { readonly request: TrainRequest; readonly reply: RunOutcome };
  generate: { readonly request: { readonly prompt: string; readonly pack: boolean }; readonly reply: string };
  /** A zip file of the language pack. */
  save: { readonly request: null; readonly reply: Uint8Array<ArrayBuffer> };
  pause: { readonly request: null; readonly reply: null };
  resume: { readonly request: null; readonly reply: null };
  stop: { readonly request: null; readonly reply: null };
}

export type RequestName = keyof Requests;

export interface RequestMessage {
  readonly id: number;
  readonly name: RequestName;
  readonly request: unknown;
}

export type WorkerMessage =
  | { readonly event: RunEvent }
  | { readonly id: number; readonly reply: unknown }
  | { readonly id: number; readonly error: string };
