import type { BaseModel, Extension, ForwardOptions, Method, Tensor } from '@moect/core';
import { add, assign, createRng, randomNormal, tensor, tidy } from '@moect/tensor';

// biome-ignore lint/suspicious/noExplicitAny: each method has a configuration type of its own
export type AnyMethod = Method<any>;

/** A configuration that must be refused. */
export interface RefusedConfig {
  readonly config: object;
  /** Paths of all its problems. */
  readonly paths: readonly string[];
}

/** A method with its base and configuration. */
export interface MethodCase {
  readonly method: AnyMethod;
  readonly base: BaseModel;
  readonly config: object;
  readonly isExactAtStart: boolean;
  readonly refuses: readonly RefusedConfig[];
}

export const attach = ({ method, base, config }: MethodCase, seed = 7): Extension =>
  method.attach(base, config, createRng(seed));

/** Options for a forward pass with the extension. */
export const passOf = ({
  attachments,
  overrides,
}: Extension): Pick<ForwardOptions, 'attachments' | 'overrides'> => ({ attachments, overrides });

/** Moves every parameter, as training would. */
export function shake({ parameters }: Extension, std: number): void {
  const rng = createRng(23);
  for (const parameter of parameters.values()) {
    tidy(() => assign(parameter, add(parameter, randomNormal(rng, parameter.shape, std))));
  }
}

/** Rows of equal length as one batch, int32. */
export function batchOf(...rows: readonly ArrayLike<number>[]): Tensor {
  const values = rows.flatMap((row) => Array.from(row));
  return tensor(values, [rows.length, rows[0]!.length], 'int32');
}

/** Runs `work` with an extension whose parameters have moved by `std`, then disposes the extension. */
export async function withExtension(
  methodCase: MethodCase,
  std: number,
  work: (extension: Extension) => Promise<void>,
): Promise<void> {
  const extension = attach(methodCase);
  try {
    if (std > 0) shake(extension, std);
    await work(extension);
  } finally {
    extension.dispose();
  }
}
