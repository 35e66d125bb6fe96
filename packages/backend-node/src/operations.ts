import type { TensorInfo } from '@tensorflow/tfjs-core';
import type { OpAttribute, TensorflowBackend } from './tensorflow-backend.ts';

/** Number of a tensor inside of TensorFlow. */
export type Id = number;

/** Small tensors that kernels reuse, by value; they are never freed. */
const constants = new WeakMap<object, Map<string, Id>>();

/**
 * TensorFlow's own operations, without TensorFlow.js tensors for intermediate results, which the kernel's end frees.
 */
export class Operations {
  readonly backend: TensorflowBackend;
  readonly #temporary = new Map<Id, { readonly shape: number[]; readonly dtype: number }>();

  constructor(backend: TensorflowBackend) {
    this.backend = backend;
  }

  /** Numbers of TensorFlow.js tensors. */
  inputs(...tensors: TensorInfo[]): Id[] {
    return this.backend.getInputTensorIds(tensors);
  }

  /** Runs an operation with one result. */
  run(name: string, inputs: readonly Id[], attributes: readonly OpAttribute[] = []): Id {
    return this.runAll(name, inputs, 1, attributes)[0]!;
  }

  runAll(
    name: string,
    inputs: readonly Id[],
    outputs: number,
    attributes: readonly OpAttribute[] = [],
  ): Id[] {
    return this.backend.binding.executeOp(name, attributes, inputs, outputs).map(({ id, shape, dtype }) => {
      this.#temporary.set(id, { shape, dtype });
      return id;
    });
  }

  /** A float scalar that is the same in every step. */
  constant(value: number): Id {
    return this.#constant(`f${value}`, [], new Float32Array([value]));
  }

  /** Whole numbers, the same in every step: axes, permutations. */
  integers(values: readonly number[]): Id {
    return this.#constant(`i${values}`, [values.length], new Int32Array(values));
  }

  integer(value: number): Id {
    return this.#constant(`s${value}`, [], new Int32Array([value]));
  }

  #constant(key: string, shape: readonly number[], values: Float32Array | Int32Array): Id {
    const { binding } = this.backend;
    const known = constants.get(binding) ?? new Map<string, Id>();
    constants.set(binding, known);
    const dtype = values instanceof Float32Array ? binding.TF_FLOAT : binding.TF_INT32;
    const id = known.get(key) ?? binding.createTensor(shape, dtype, values);
    known.set(key, id);
    return id;
  }

  /** A tensor with values of this call, freed when the kernel ends. */
  values(shape: readonly number[], values: Float32Array | Int32Array): Id {
    const { binding } = this.backend;
    const dtype = values instanceof Float32Array ? binding.TF_FLOAT : binding.TF_INT32;
    const id = binding.createTensor(shape, dtype, values);
    this.#temporary.set(id, { shape: [...shape], dtype });
    return id;
  }

  shapeOf(id: Id): readonly number[] {
    return this.#temporary.get(id)!.shape;
  }

  boolean(name: string, value: boolean): OpAttribute {
    return { name, type: this.backend.binding.TF_ATTR_BOOL, value };
  }

  /** For operations on a list of float tensors. */
  list(count: number): OpAttribute[] {
    const { TF_ATTR_INT, TF_ATTR_TYPE, TF_FLOAT } = this.backend.binding;
    return [
      { name: 'N', type: TF_ATTR_INT, value: count },
      { name: 'T', type: TF_ATTR_TYPE, value: TF_FLOAT },
    ];
  }

  reshape(x: Id, shape: readonly number[]): Id {
    // no constant: there may be as many shapes as there are lengths of text
    return this.run('Reshape', [x, this.values([shape.length], Int32Array.from(shape))]);
  }

  transpose(x: Id, permutation: readonly number[]): Id {
    return this.run('Transpose', [x, this.integers(permutation)]);
  }

  /** `Sum`, `Mean` or `Any` over axes. */
  reduce(name: string, x: Id, axes: readonly number[], keepDims: boolean): Id {
    return this.run(name, [x, this.integers(axes)], [this.boolean('keep_dims', keepDims)]);
  }

  /** Product of the last two axes. */
  matMul(a: Id, b: Id, transposeA = false, transposeB = false): Id {
    return this.run(
      'BatchMatMulV2',
      [a, b],
      [this.boolean('adj_x', transposeA), this.boolean('adj_y', transposeB)],
    );
  }

  /** Excludes a result from the tensors that are freed at the end. */
  keep(id: Id): Id {
    this.#temporary.delete(id);
    return id;
  }

  /** A result as a TensorFlow.js tensor. */
  output(id: Id): TensorInfo {
    const { shape, dtype } = this.#temporary.get(id)!;
    const dataId = {};
    this.backend.tensorMap.set(dataId, { id: this.keep(id), shape, dtype, values: null, refCount: 1 });
    const { TF_INT32, TF_BOOL } = this.backend.binding;
    return { dataId, shape, dtype: dtype === TF_INT32 ? 'int32' : dtype === TF_BOOL ? 'bool' : 'float32' };
  }

  /** Frees a temporary result now. */
  free(id: Id): void {
    if (this.#temporary.delete(id)) this.backend.binding.deleteTensor(id);
  }

  end(): void {
    for (const id of this.#temporary.keys()) this.backend.binding.deleteTensor(id);
    this.#temporary.clear();
  }
}

/** Runs `work` and frees the results that it did not keep. */
export function withOperations<T>(backend: TensorflowBackend, work: (ops: Operations) => T): T {
  const ops = new Operations(backend);
  try {
    return work(ops);
  } finally {
    ops.end();
  }
}
