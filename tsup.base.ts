import { defineConfig, type Options } from 'tsup';

/** One build for every package: ESM, types, dependencies left outside. */
export function packageConfig(entry: string[], more: Options = {}): ReturnType<typeof defineConfig> {
  return defineConfig({
    entry,
    format: ['esm'],
    target: 'es2022',
    // tsup injects baseUrl, which TypeScript 6 calls deprecated
    dts: { compilerOptions: { ignoreDeprecations: '6.0' } },
    sourcemap: true,
    clean: true,
    splitting: true,
    ...more,
  });
}
