import { basename, dirname, resolve } from 'node:path';

/** What an extension is called: its folder, or its run where the folder is `RUN/extension`. */
export function extensionName(folder: string): string {
  const path = resolve(folder);
  return basename(basename(path) === 'extension' ? dirname(path) : path);
}
