import { build, type Plugin } from 'esbuild';

/** One ES module of everything that `contents` needs, for browsers. @throws when that includes modules of Node */
export async function bundleForBrowser(
  contents: string,
  resolveDir: string,
  plugins: Plugin[] = [],
): Promise<Uint8Array> {
  const result = await build({
    stdin: { contents, resolveDir, loader: 'ts' },
    bundle: true,
    format: 'esm',
    platform: 'browser',
    conditions: ['@moect/source'],
    plugins,
    write: false,
    logLevel: 'silent',
  });
  return result.outputFiles[0]!.contents;
}
