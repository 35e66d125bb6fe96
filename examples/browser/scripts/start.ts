import path from 'node:path';
import { parseArgs } from 'node:util';
import { buildPage } from './build.ts';
import { servePage } from './serve.ts';

const { values } = parseArgs({
  options: {
    port: { type: 'string', default: '8080' },
    // shows the page as on servers that cannot send the two headers
    'no-isolation': { type: 'boolean', default: false },
  },
});

const output = path.resolve(import.meta.dirname, '../dist');
await buildPage({ output });
const { origin } = await servePage(output, { port: Number(values.port), isolated: !values['no-isolation'] });
console.log(`${origin}/  (Ctrl+C ends it)`);
