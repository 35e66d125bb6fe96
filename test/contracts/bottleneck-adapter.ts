import type { BaseModel, ConfigProblem, Extension, Method, ParamPath, Tensor, Variable } from '@moect/core';
import { InvalidConfigError } from '@moect/core';
import { add, dispose, linear, randomNormal, relu, tidy, variable, zeros } from '@moect/tensor';

export type AdapterConfig = {
  /** Inner width. */
  readonly size: number;
};

function checked(config: Partial<AdapterConfig>): AdapterConfig {
  const { size = 4, ...rest } = config;
  const problems: ConfigProblem[] = Object.keys(rest).map((path) => ({
    path,
    message: 'is not known; known is size',
  }));
  if (!Number.isInteger(size) || size < 1) {
    problems.push({ path: 'size', message: `must be a whole number from 1, is ${size}` });
  }
  if (problems.length > 0) throw new InvalidConfigError('bottleneck-adapter', problems);
  return { size };
}

/**
 * Adapters after each block of a frozen base: y + up(relu(down(y))), with `up` 0 at the start (arXiv 1902.00751).
 * Parameters: `<block>.adapter.down.weight` [size, hiddenSize] and `<block>.adapter.up.weight` [hiddenSize, size].
 * `attach` throws InvalidConfigError.
 */
export function bottleneckAdapter(): Method<Partial<AdapterConfig>> {
  return {
    contract: 'method/1',
    name: 'bottleneck-adapter',
    attach: (base: BaseModel, config, rng): Extension => {
      const { size } = checked(config);
      const { hiddenSize } = base;
      const parameters = new Map<ParamPath, Variable>();
      const block = new Map<string, (stream: Tensor) => Tensor>();
      for (const { name } of base.sites.filter(({ kind }) => kind === 'block')) {
        const make = (part: string, value: () => Tensor): Variable => {
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
}
