import { InvalidConfigError } from '@moect/core';
import type { Platform } from './platform.ts';
import { readPackUrl } from './read-pack-url.ts';

function refuse(path: string, hint: string): never {
  throw new InvalidConfigError('In a browser', [{ path, message: 'there are no folders' }], hint);
}

/** Platform of a page or its worker: text and packs come as File objects, strings and addresses. */
export const browserPlatform: Platform = {
  readFiles: async () => refuse('files', 'Give File objects, or the texts themselves.'),
  isFile: async () => false,
  availableMemory: () => null,
  freeDisk: async () => null,
  peakMemory: () => 0,
  absolute: (folder) => folder,
  readRecord: async () => null,
  removeFolder: async () => undefined,
  openRun: async () => refuse('output', 'Leave it out, and keep the bytes of `pack.files()`.'),
  openHiddenStates: async () => refuse('cache', 'Leave it out.'),
  readPack: readPackUrl,
  writeFolder: async () => refuse('folder', 'Keep the bytes of `pack.files()`.'),
};
