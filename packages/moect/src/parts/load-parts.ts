import { basename, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { InvalidConfigError } from '@moect/core';
import { checkParts } from './check-parts.ts';
import type { Parts } from './parts.ts';

/** The export `parts` of a module, or its default export. */
function exportOf(module: Record<string, unknown>): unknown {
  return module['parts'] ?? module['default'];
}

/** The parts that a module exports. Throws InvalidConfigError. */
function partsOf(value: unknown, file: string): Parts {
  if (typeof value !== 'object' || value === null) {
    throw new InvalidConfigError(
      file,
      [{ path: 'parts', message: 'is no export of this module, nor is there a default export' }],
      "Write for example: export const parts = { routers: { mine: (options) => ({ contract: 'router/1', … }) } };",
    );
  }
  checkParts(value, file);
  return value as Parts;
}

/**
 * Imports modules with parts: each exports `parts`, see {@link Parts}. Extensions that use the parts record the
 * module's name. Throws InvalidConfigError for any other module.
 */
export async function loadParts(files: readonly string[]): Promise<Parts[]> {
  const loaded: Parts[] = [];
  for (const file of files) {
    const path = resolve(file);
    let module: Record<string, unknown>;
    try {
      module = (await import(pathToFileURL(path).href)) as Record<string, unknown>;
    } catch (cause) {
      const message = `cannot be imported: ${(cause as Error).message}`;
      throw new InvalidConfigError(file, [{ path: '(module)', message }], 'Give a JavaScript module.');
    }
    loaded.push({ ...partsOf(exportOf(module), file), from: basename(path) });
  }
  return loaded;
}
