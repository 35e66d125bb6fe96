import { readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json',
  '.jsonl': 'application/jsonl; charset=utf-8',
  '.txt': 'text/plain; charset=utf-8',
};

/** With these headers a page gets SharedArrayBuffer, and WebAssembly can use all cores. */
const ISOLATION = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
};

export interface PageServer {
  readonly origin: string;
  close(): Promise<void>;
}

async function listen(server: Server, port: number): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  return (server.address() as AddressInfo).port;
}

/** Serves the files of a folder on the loopback interface. Port 0: any that is free. */
export async function servePage(
  folder: string,
  options: { readonly port: number; readonly isolated: boolean },
): Promise<PageServer> {
  const root = path.resolve(folder);
  const server = createServer(async ({ url }, response) => {
    const { pathname } = new URL(url ?? '/', 'http://localhost');
    const file = path.join(
      root,
      decodeURIComponent(pathname.endsWith('/') ? `${pathname}index.html` : pathname),
    );
    const content = file.startsWith(root) ? await readFile(file).catch(() => null) : null;
    const type = TYPES[path.extname(file)] ?? 'application/octet-stream';
    response.writeHead(content === null ? 404 : 200, {
      'Content-Type': content === null ? 'text/plain' : type,
      'Cache-Control': 'no-cache',
      ...(options.isolated && ISOLATION),
    });
    response.end(content ?? 'no such file');
  });
  const port = await listen(server, options.port);
  const close = (): Promise<void> =>
    new Promise((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  return { origin: `http://127.0.0.1:${port}`, close };
}
