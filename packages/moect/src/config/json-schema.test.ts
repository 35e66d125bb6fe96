import { readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { configJsonSchema } from './schema.ts';

it('config.schema.json is the schema in use (scripts/write-schema.ts writes it)', async () => {
  const shipped = JSON.parse(await readFile(new URL('../../config.schema.json', import.meta.url), 'utf8'));
  expect(shipped).toEqual(configJsonSchema());
});
