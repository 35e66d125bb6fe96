import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { BaseModel, Extension, HiddenStateSource } from '@moect/core';
import { openHiddenStateCache } from '@moect/models/node';

/** A folder that lives as long as this process. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'moect-bench-'));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** The cache of the frozen layers below the extension, in a folder that lives as long as this process. */
export async function temporaryCache(base: BaseModel, extension: Extension): Promise<HiddenStateSource> {
  const folder = temporaryFolder();
  // the folder serves one base only, so any hash will do
  return openHiddenStateCache({ base, baseSha256: '0'.repeat(64), ...base.prefix!.start(extension), folder });
}
