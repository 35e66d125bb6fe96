import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

test('a rebuild of assembly/ gives the committed bytes', async () => {
  const script = new URL('../scripts/build-wasm.mjs', import.meta.url).href;
  const { generate } = (await import(/* @vite-ignore */ script)) as {
    generate(): Promise<Map<string, string>>;
  };
  for (const [path, text] of await generate()) {
    expect(readFileSync(new URL(`../${path}`, import.meta.url), 'utf8') === text, path).toBe(true);
  }
}, 300_000);
