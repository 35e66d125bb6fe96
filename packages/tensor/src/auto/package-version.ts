import { nodeBuiltin } from '@moect/kernels/host';

interface Fs {
  readFileSync(path: URL, encoding: 'utf8'): string;
}

/** Version of this package, shared by all moect packages; undefined in browsers and in another program's bundle. */
export function packageVersion(): string | undefined {
  const fs = nodeBuiltin<Fs>('node:fs');
  // relative to dist/, and to this folder
  for (const place of ['../package.json', '../../package.json']) {
    try {
      const text = fs!.readFileSync(new URL(place, import.meta.url), 'utf8');
      const { name, version } = JSON.parse(text) as { name?: string; version?: string };
      if (name === '@moect/tensor') return version;
    } catch {
      // the file is absent, or there is no file system
    }
  }
  return undefined;
}
