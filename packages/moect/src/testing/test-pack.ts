import type { Extension } from '@moect/core';
import { countParameters } from '@moect/freeze';
import type { Base } from '../base/base.ts';
import { makePack, type Pack } from '../extension/pack.ts';
import { usedParts } from '../parts/own-parts.ts';

/** A Swahili pack of an untrained extension. */
export function testPack(base: Base, extension: Extension): Pack {
  const parts = usedParts(base.moect, {
    extension,
    combine: 'gate',
    architecture: base.model.architecture,
  });
  return makePack(
    base,
    'test',
    { extension, ngrams: null },
    {
      schema: 'moect-extension/1',
      method: extension.method,
      config: extension.config,
      combine: 'gate',
      preset: 'moe-ct',
      ...(parts.length > 0 && { parts }),
      languages: [{ code: 'swh_Latn', role: 'new' }],
      license: 'CC0-1.0',
      base: base.identity,
      parameters: countParameters(extension.parameters),
      dtype: 'f32',
      training: null,
    },
  );
}
