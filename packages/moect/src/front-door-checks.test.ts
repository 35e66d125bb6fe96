import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openBase } from './base/open-base.ts';
import { compare } from './evaluation/compare.ts';
import { evaluate } from './evaluation/evaluate.ts';
import { openPack } from './extension/open-pack.ts';
import { makeTinyWorld, type TinyWorld } from './testing/tiny-world.ts';
import { train } from './training/train.ts';

let world: TinyWorld;
beforeAll(async () => {
  world = await makeTinyWorld();
});
afterAll(() => world.remove());

it('what was disposed, and threads that cannot change, are named', { timeout: 60_000 }, async () => {
  const base = await openBase(world.at('base'), { backend: 'wasm', threads: 1 });
  const texts = { swh_Latn: await readFile(world.at('swh_Latn.txt'), 'utf8') };
  const pack = await train(base, { languages: texts, training: { steps: 1 } });
  await pack.save(world.at('pack'));
  await expect(openBase(world.at('other'), { backend: 'wasm', threads: 2 })).rejects.toThrow(
    /threads: is 2, but a base or pack is open on 1 thread.*dispose the bases and packs that are open/s,
  );
  await expect(evaluate(base, texts, { old: ['eng_Latn'] })).rejects.toThrow(/no text is in 'eng_Latn'/);
  const known = await evaluate(base, texts, { old: ['swh_Latn'] });
  expect(known.languages[0]!.role).toBe('old');
  pack.dispose();
  await expect(compare(base, [pack], texts)).rejects.toThrow(/packs\[0\]: was disposed/);
  base.dispose();
  await expect(evaluate(base, texts)).rejects.toThrow(/base: was disposed/);
  await expect(openPack(base, world.at('pack'))).rejects.toThrow(/base: was disposed/);
});

it('a pack is opened from an address, in Node as in a page', async () => {
  const server = createServer(async (request, response) => {
    const bytes = await readFile(world.at(request.url!.slice(1))).catch(() => null);
    response.writeHead(bytes === null ? 404 : 200).end(bytes);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const base = await openBase(world.at('base'));
  try {
    const pack = await openPack(base, `${address}/pack`);
    expect(pack).toMatchObject({ name: 'pack', info: { base: { sha256: base.identity.sha256 } } });
    pack.dispose();
    await expect(openPack(base, `${address}/gone`)).rejects.toThrow(/the server answers 404/);
  } finally {
    base.dispose();
    server.close();
  }
});
