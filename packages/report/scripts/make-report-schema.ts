import { writeFile } from 'node:fs/promises';
import { reportJsonSchema } from '../src/schema/report-schema.ts';

// run after a change of the schema: node --conditions=@moect/source --import tsx packages/report/scripts/make-report-schema.ts
const path = new URL('../schema/report.schema.json', import.meta.url);
await writeFile(path, `${JSON.stringify(reportJsonSchema(), null, 2)}\n`);
