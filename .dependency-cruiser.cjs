// Imports go strictly downwards; siblings are strangers; only tensor, the kernels' table and backends know TensorFlow.js.
const layers = [
  ['core', 'kernels'],
  ['safetensors', 'backend-wasm', 'backend-webgpu', 'backend-node'],
  ['tensor'],
  ['models', 'router', 'freeze', 'data'],
  ['experts'],
  ['trainer', 'eval', 'report'],
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
      name: 'packages-do-not-import-examples-or-tests',
      severity: 'error',
      from: { path: '^packages/', pathNot: '\\.test\\.ts$' },
      to: { path: '^(examples|test)/' },
    },
    {
      name: 'tests-of-packages-share-only-test-support',
      severity: 'error',
      from: { path: '^packages/.*\\.test\\.ts$' },
      to: { path: '^(examples|test)/', pathNot: '^test/support/' },
    },
    {
      name: 'training-and-measuring-need-no-models',
      comment: 'trainer and eval take any base model; only their tests make one',
      severity: 'error',
      from: { path: '^packages/(trainer|eval)/', pathNot: '(\\.test\\.ts$|/src/testing/)' },
      to: { path: '^packages/models/' },
    },
    {
      name: 'core-is-alone',
      severity: 'error',
      from: { path: '^packages/core/src', pathNot: '\\.test\\.ts$' },
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
