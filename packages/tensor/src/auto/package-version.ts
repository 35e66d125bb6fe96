import { nodeBuiltin } from '@moect/kernels/host';

interface Fs {
  readFileSync(path: URL, encoding: 'utf8'): string;
}

/** Of this package, as installed; all of moect's carry one number. undefined in browsers and in a bundle of another program. */
export function packageVersion(): string | undefined {
  const fs = nodeBuiltin<Fs>('node:fs');
  // from dist/, and from this folder
  for (const place of ['../package.json', '../../package.json']) {
    try {
      const text = fs!.readFileSync(new URL(place, import.meta.url), 'utf8');
      const { name, version } = JSON.parse(text) as { name?: string; version?: string };
      if (name === '@moect/tensor') return version;
    } catch {
      // not there, or no file system
    }
  }
  return undefined;
}
