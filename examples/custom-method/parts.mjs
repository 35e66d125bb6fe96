import { InvalidConfigError } from '@moect/core';
import { add, dispose, linear, randomNormal, relu, tidy, variable, zeros } from '@moect/tensor';

function checked({ size = 4, ...rest }) {
  const problems = Object.keys(rest).map((path) => ({ path, message: 'is not known; known is size' }));
  if (!Number.isInteger(size) || size < 1) {
    problems.push({ path: 'size', message: `must be a whole number from 1, is ${size}` });
  }
  if (problems.length > 0) throw new InvalidConfigError('bottleneck-adapter', problems);
  return { size };
}

/**
 * Adapters after each block of a frozen base: y + up(relu(down(y))), with `up` 0 at the start (arXiv 1902.00751). The
 * setting `size` is their inner width. `attach` throws InvalidConfigError.
 * @type {import('@moect/core').Method}
 */
export const bottleneckAdapter = {
  contract: 'method/1',
  name: 'bottleneck-adapter',
  attach(base, config, rng) {
    const { size } = checked(config);
    const { hiddenSize } = base;
    const parameters = new Map();
    const block = new Map();
    for (const { name } of base.sites.filter(({ kind }) => kind === 'block')) {
      const make = (part, value) => {
        const made = tidy(() => variable(value()));
        parameters.set(`${name}.adapter.${part}.weight`, made);
        return made;
      };
      const std = 1 / Math.sqrt(hiddenSize);
      const down = make('down', () => randomNormal(rng.fork(name), [size, hiddenSize], std));
      const up = make('up', () => zeros([hiddenSize, size]));
      block.set(name, (stream) => tidy(() => add(stream, linear(relu(linear(stream, down)), up))));
    }
    return {
      contract: 'extension/1',
      method: 'bottleneck-adapter',
      config: { size },
      parameters,
      attachments: { ffn: new Map(), linear: new Map(), block, head: null },
      overrides: new Map(),
      dispose: () => dispose(parameters),
    };
  },
};

const adapterPreset = {
  name: 'bottleneck-adapter',
  description: 'adapters after each block, behind a mixture with the base',
  method: 'bottleneck-adapter',
  config: { size: 8 },
  training: { replayShare: 0, learningRate: 1e-2, schedule: 'cosine', warmup: 0.05, finalRate: 0.05 },
  combine: 'mixture',
};

export const parts = { methods: { 'bottleneck-adapter': bottleneckAdapter }, presets: [adapterPreset] };
