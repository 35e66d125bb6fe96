import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

const ISOLATED = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
};
// no inline scripts, no workers from blob:
const STRICT = { 'Content-Security-Policy': "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'" };

/** Folders of the server: the same files with other headers. */
const HEADERS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  isolated: ISOLATED,
  plain: {},
  strict: { ...ISOLATED, ...STRICT },
};

export interface StaticServer {
  readonly origin: string;
  close(): Promise<void>;
}

/** Serves scripts on the loopback interface at /isolated/NAME, /plain/NAME and /strict/NAME; other names are an empty page. */
export async function serve(scripts: ReadonlyMap<string, Uint8Array>): Promise<StaticServer> {
  const server = createServer((request, response) => {
    const [, folder = '', name = ''] = (request.url ?? '').split('/');
    const script = scripts.get(name);
    const type = script === undefined ? 'text/html' : 'text/javascript';
    response.writeHead(200, { 'Content-Type': `${type}; charset=utf-8`, ...HEADERS[folder] });
    response.end(script ?? '<!doctype html><title>test</title>');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const close = (): Promise<void> =>
    new Promise((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  return { origin: `http://127.0.0.1:${port}`, close };
}
