import { defineConfig } from 'vitest/config';

const conditions = ['@moect/source'];

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions, externalConditions: conditions } },
  // the set-up of a run
  environments: { __vitest__: { resolve: { conditions, externalConditions: conditions } } },
  test: {
    // the workers of one run share the cores; tests of threads ask for them. What `auto` takes must not depend on speed
    env: { MOECT_THREADS: '1', MOECT_BACKEND: 'wasm' },
    include: [
      'packages/*/{src,scripts}/**/*.test.ts',
      'examples/*/src/**/*.test.ts',
      'bench/src/**/*.test.ts',
      'test/**/*.test.ts',
    ],
    environment: 'node',
    globalSetup: 'test/support/announce-backends.ts',
    pool: 'forks',
    // two cores, and each worker holds its own wasm memory
    maxWorkers: 2,
    testTimeout: 60_000,
    // TensorFlow's libraries are large
    hookTimeout: 60_000,
    // tfjs-core's gradient registry is published as extensionless ES modules, which plain Node cannot load
    server: { deps: { inline: [/@tensorflow\/tfjs-core\/dist\/register_all_gradients/] } },
  },
});
