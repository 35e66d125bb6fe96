import { readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { basename, join } from 'node:path';
import { fixture } from 'moect-test-support/fixtures';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { COMMIT, REPO, serveHub } from '../testing/hub-server.ts';
import { openBase } from './open-base-url.ts';

const PAGE = '<!doctype html><html><title>App</title></html>';

let server: Server;
let missing: string[];
let address: string;
beforeEach(async () => {
  missing = [];
  // a server of a single-page application: its page and 200 for whatever is not there
  server = createServer(async ({ url }, response) => {
    const name = basename(url ?? '');
    const file = missing.includes(name)
      ? null
      : await readFile(join(fixture('stories260k-hf'), name)).catch(() => null);
    response.writeHead(200, { 'Content-Type': file === null ? 'text/html' : 'application/octet-stream' });
    response.end(file ?? PAGE);
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  address = `http://127.0.0.1:${(server.address() as AddressInfo).port}/stories`;
});
afterEach(() => new Promise((done) => server.close(done)));

describe('a base at an address of a server that answers everything with its page', () => {
  it('opens, without the files that are not there', async () => {
    missing = ['generation_config.json'];
    const base = await openBase(address, { backend: 'cpu' });
    expect(base.identity).toMatchObject({ id: 'stories', revision: null });
    expect(base.tokenizer.encode('Once')).not.toHaveLength(0);
    base.dispose();
  });

  it.each(['config.json', 'tokenizer.json', 'model.safetensors'])(
    'names the address of %s, which it needs',
    async (name) => {
      missing = [name];
      await expect(openBase(address, { backend: 'cpu' })).rejects.toThrow(
        `${address}/${name}: is a web page`,
      );
    },
  );
});

describe('a name of the hub, in a page', () => {
  it('is its model at the commit of now', async () => {
    const hub = await serveHub(fixture('stories260k-hf'));
    vi.stubEnv('HF_ENDPOINT', hub.origin);
    try {
      const base = await openBase(REPO, { backend: 'cpu' });
      expect(base.identity).toMatchObject({ id: REPO, revision: COMMIT });
      expect(base.place).toBe(`${hub.origin}/${REPO}/resolve/${COMMIT}/`);
      base.dispose();
      await expect(openBase('tests/nobody', { backend: 'cpu' })).rejects.toThrow(/answers 401.*'org\/name'/);
    } finally {
      vi.unstubAllEnvs();
      await hub.close();
    }
  });
});
