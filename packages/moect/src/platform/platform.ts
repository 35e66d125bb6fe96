import type { BaseModel, Callback, Document, Extension } from '@moect/core';
import type { ReadReport } from '@moect/data';
import type { HiddenStateCache } from '@moect/models/node';
import type { SafetensorsFile } from '@moect/safetensors';
import type { CheckpointStore } from '@moect/trainer';
import type { TextSettings } from '../training/text-settings.ts';

/** Text of one language in files. */
export interface FileText extends TextSettings {
  readonly code: string;
  readonly role: 'new' | 'old' | 'unseen';
  readonly files: readonly string[];
}

/** Documents with an account of their reading, one report a file. */
export interface ReadText {
  readonly documents: readonly Document[];
  readonly reports: readonly ReadReport[];
}

/** Folder that keeps hidden states below the extensions between runs. */
export interface HiddenStateFolder {
  readonly folder: string;
  /** Default 16 GiB. */
  readonly maxBytes?: number;
}

/** A pack's folder, not yet checked. */
export interface PackSource {
  readonly name: string;
  /** Place of its configuration, for messages. */
  readonly place: string;
  /** Contents of `moect_config.json`. */
  readonly config: unknown;
  openWeights(): Promise<SafetensorsFile & { close(): Promise<void> }>;
}

/** Base that computes hidden states. */
export interface HiddenStateBase {
  readonly model: BaseModel;
  /** Digest of the parameters in memory. */
  heldSha256(): Promise<string>;
}

/** A run's own folder, held by this process until it is closed. */
export interface RunFolder {
  readonly folder: string;
  /** The folder holds checkpoints of this run, which continues. */
  readonly isBegun: boolean;
  readonly checkpoints: CheckpointStore;
  /** Writes the events. */
  readonly log: Callback;
  /** A path as the run's record writes it: seen from its folder. What is no absolute path stays as it is. */
  readonly seen: (path: string) => string;
  /** Writes a file of the run's record; names may have folders in them. */
  write(name: string, text: string): Promise<void>;
  close(): Promise<void>;
}

/** Services of the environment. Node has files and knows its machine; a page has neither. */
export interface Platform {
  /** Documents of text files, none where they hold none. Throws InvalidConfigError and CorruptDataError. */
  readFiles(text: FileText): Promise<ReadText>;
  /** Whether a text is the path of a file; false where there are no files. */
  isFile(path: string): Promise<boolean>;
  /** Bytes that this process may still take; null if unknown. */
  availableMemory(): number | null;
  /** Bytes free on the disk of a folder; null if unknown. */
  freeDisk(folder: string): Promise<number | null>;
  /** Most bytes that this process has held; 0 if unknown. */
  peakMemory(): number;
  /** Absolute path of a folder. */
  absolute(folder: string): string;
  /** The `resolved.json` of a run's folder; null where there is none. Throws CorruptDataError. */
  readRecord(folder: string): Promise<Readonly<Record<string, unknown>> | null>;
  /** Removes a folder that moect made, with its contents. */
  removeFolder(folder: string): Promise<void>;
  /**
   * Takes a folder for a run. Throws CheckpointError if another process trains there, or if it holds a run that must
   * not be resumed.
   */
  openRun(folder: string, resume: boolean): Promise<RunFolder>;
  /** See `openHiddenStates`; null where there is nothing below the extensions to keep. */
  openHiddenStates(
    base: HiddenStateBase,
    extensions: readonly Pick<Extension, 'attachments' | 'overrides'>[],
    place: HiddenStateFolder,
  ): Promise<HiddenStateCache | null>;
  /** Opens a pack. Throws CorruptDataError. */
  readPack(place: string | URL): Promise<PackSource>;
  /** Writes files as a folder and replaces any folder of that name as a whole. Gives its absolute path. */
  writeFolder(folder: string, files: ReadonlyMap<string, Iterable<Uint8Array>>): Promise<string>;
}
