// Imports go strictly downwards; siblings are strangers; only tensor, the kernels' table and backends know TensorFlow.js.
const layers = [
  ['core', 'kernels'],
  ['backend-wasm', 'backend-webgpu', 'backend-node'],
  ['tensor'],
  ['models', 'router', 'freeze', 'data'],
  ['experts'],
  ['trainer', 'eval'],
  ['moect'],
];

/** The only sibling that may be imported: the table of kernels throws core's errors. */
const siblings = { kernels: ['core'] };
/** Tests and what they share may import what they compare with, from any layer. */
const tests = '(\\.test|test-support)\\.ts$';

const layerRules = layers.flatMap((names, level) =>
  names.map((name) => {
    const forbidden = layers
      .slice(level)
      .flat()
      .filter((other) => other !== name && !siblings[name]?.includes(other));
    return {
      name: `layer-${name}`,
      comment: `${name} may import only from the layers below it`,
      severity: 'error',
      from: { path: `^packages/${name}/src`, pathNot: tests },
      to: { path: `^packages/(${forbidden.join('|')})/` },
    };
  }),
);

module.exports = {
  forbidden: [
    ...layerRules.filter((rule) => !rule.to.path.includes('()')),
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'tensorflow-only-below-the-operations',
      severity: 'error',
      from: { path: '^packages/(?!(tensor|kernels|backend-[a-z]+)/)' },
      to: { path: '@tensorflow/' },
    },
    {
      name: 'packages-do-not-import-examples',
      severity: 'error',
      from: { path: '^packages/' },
      to: { path: '^(examples|test)/' },
    },
    {
      name: 'core-is-alone',
      severity: 'error',
      from: { path: '^packages/core/src' },
      to: { pathNot: '^packages/core/src' },
    },
    { name: 'resolvable', severity: 'error', from: {}, to: { couldNotResolve: true } },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '(^|/)(dist|generated|\\.tmp)/' },
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['@moect/source', 'import', 'node', 'default', 'types'],
    },
  },
};
