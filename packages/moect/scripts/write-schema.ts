import { writeFile } from 'node:fs/promises';
import { configJsonSchema } from '../src/config/schema.ts';

const target = new URL('../config.schema.json', import.meta.url);
await writeFile(target, `${JSON.stringify(configJsonSchema(), null, 2)}\n`);
