import type { BaseModel, Callback, Document, Extension } from '@moect/core';
import type { HiddenStateCache } from '@moect/models/node';
import type { SafetensorsFile } from '@moect/safetensors';
import type { CheckpointStore } from '@moect/trainer';

/** Text of one language in files. */
export interface FileText {
  readonly code: string;
  readonly role: 'new' | 'old' | 'unseen';
  readonly files: readonly string[];
  /** What a document is. Default: follows from the file's name. */
  readonly format?: 'lines' | 'blocks' | 'whole' | 'jsonl' | undefined;
  readonly textField: string;
}

/** Where hidden states below the extensions are kept between runs. */
export interface HiddenStateFolder {
  readonly folder: string;
  /** Default 16 GiB. */
  readonly maxBytes?: number;
}

/** A pack's folder, not yet checked. */
export interface PackSource {
  readonly name: string;
  /** Of its configuration, for messages. */
  readonly place: string;
  /** Contents of `moect_config.json`. */
  readonly config: unknown;
  openWeights(): Promise<SafetensorsFile & { close(): Promise<void> }>;
}

/** What hidden states are made with. */
export interface HiddenStateBase {
  readonly model: BaseModel;
  /** SHA-256 of the parameters as they are held. */
  readonly heldSha256: string;
}

/** A run's own folder, held by this process until it is closed. */
export interface RunFolder {
  readonly folder: string;
  /** It holds checkpoints of this run, which goes on. */
  readonly isBegun: boolean;
  readonly checkpoints: CheckpointStore;
  /** Writes the events. */
  readonly log: Callback;
  /** Writes a file of the run's record; names may have folders in them. */
  write(name: string, text: string): Promise<void>;
  close(): Promise<void>;
}

/** What the front door asks of where it runs. Node has files and a machine to ask; a page has neither. */
export interface Platform {
  /** Documents of text files. Throws InvalidConfigError and CorruptDataError. */
  readFiles(text: FileText): Promise<Document[]>;
  /** Bytes that this process may still take; null where nobody says. */
  availableMemory(): number | null;
  /** Bytes free on the disk of a folder; null where nobody says. */
  freeDisk(folder: string): Promise<number | null>;
  /** Most bytes that this process has held; 0 where nobody says. */
  peakMemory(): number;
  /**
   * Takes a folder for a run. Throws CheckpointError where another process trains there, or where it holds a run that is
   * not to be resumed.
   */
  openRun(folder: string, resume: boolean): Promise<RunFolder>;
  /** See `openHiddenStates`; null where there is nothing below the extensions to keep. */
  openHiddenStates(
    base: HiddenStateBase,
    extensions: readonly Pick<Extension, 'attachments' | 'overrides'>[],
    place: HiddenStateFolder,
  ): Promise<HiddenStateCache | null>;
  /** Where a pack lies. Throws CorruptDataError. */
  readPack(place: string | URL): Promise<PackSource>;
  /** Writes files as a folder, which replaces one of that name as a whole. Gives its absolute path. */
  writeFolder(folder: string, files: ReadonlyMap<string, Iterable<Uint8Array>>): Promise<string>;
}
