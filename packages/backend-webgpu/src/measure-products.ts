import { compressValues } from '@moect/kernels';
import type { TensorInfo } from '@tensorflow/tfjs-core';
import type { MoectWebgpuBackend } from './backend.ts';
import { product } from './kernels/mat-mul.ts';
import { emptyPool } from './pool.ts';
import { type ExactForm, formsOn, type ProductForm, type ProductForms } from './product-forms.ts';
import { output, submit } from './program.ts';

/** Rows, columns and terms of the timed product: enough to fill a GPU. */
const SIZE = 1024;
/** Products per measurement, and number of measurements, of which the fastest counts. */
const PRODUCTS = 4;
const MEASUREMENTS = 3;

/** Milliseconds of the fastest of a few rounds; infinite where the device refuses the program. */
async function time(backend: MoectWebgpuBackend, run: () => void): Promise<number> {
  const { device } = backend;
  const round = async (): Promise<number> => {
    const start = performance.now();
    for (let i = 0; i < PRODUCTS; i++) run();
    submit(backend);
    await device.queue.onSubmittedWorkDone();
    return performance.now() - start;
  };
  device.pushErrorScope('validation');
  device.pushErrorScope('internal');
  // creates the pipeline too
  await round();
  const errors = [await device.popErrorScope(), await device.popErrorScope()];
  if (errors.some((error) => error !== null)) return Number.POSITIVE_INFINITY;
  let best = Number.POSITIVE_INFINITY;
  for (let i = 0; i < MEASUREMENTS; i++) best = Math.min(best, await round());
  return best;
}

/** Result of the measurements. */
export interface MeasuredProducts {
  /** The fastest of the forms that give the same bits. */
  readonly forms: ProductForms;
  /** Speed of `float16` products with frozen matrices relative to the fastest exact form; undefined without float16. */
  readonly float16Gain: number | undefined;
}

/** Milliseconds of each form. */
async function timeAll(
  forms: readonly ProductForm[],
  timed: (form: ProductForm) => Promise<number>,
): Promise<ReadonlyMap<ProductForm, number>> {
  const times = new Map<ProductForm, number>();
  for (const form of forms) times.set(form, await timed(form));
  return times;
}

/** The faster exact form; tiles if both are equally fast. */
const fastestExact = (times: ReadonlyMap<ProductForm, number>): ExactForm =>
  (times.get('subgroups') ?? Number.POSITIVE_INFINITY) < times.get('tiles')! ? 'subgroups' : 'tiles';

/**
 * Times the forms of products that this device has, for float32 and for a frozen matrix in
 * bfloat16.
 * @param size rows, columns and terms
 */
export async function measureProducts(
  backend: MoectWebgpuBackend,
  size: number = SIZE,
): Promise<MeasuredProducts> {
  const { subgroupSize } = backend.products;
  const forms = formsOn(backend.device.features, subgroupSize);
  const values = Float32Array.from({ length: size * size }, (_, i) => Math.sin(i));
  const shape = [size, size];
  const a = backend.makeTensorInfo(shape, 'float32', values);
  const frozen = backend.frozen.add(shape, compressValues(values, size, 'bfloat16'));
  const y = output(backend, shape);
  const sizes = { m: size, n: size, k: size, transposeA: false, transposeB: true };
  const timed = (b: TensorInfo, form: ProductForm): Promise<number> =>
    time(backend, () => product(backend, a, b, y, sizes, { form }));
  try {
    const exact = forms.filter((form) => form !== 'float16');
    const ofFloats = await timeAll(exact, (form) => timed(a, form));
    const ofFrozen = await timeAll(forms, (form) => timed(frozen, form));
    const best = fastestExact(ofFrozen);
    const half = ofFrozen.get('float16');
    return {
      forms: { float32: fastestExact(ofFloats), frozen: best, subgroupSize },
      float16Gain: half === undefined ? undefined : ofFrozen.get(best)! / half,
    };
  } finally {
    for (const { dataId } of [a, frozen, y]) backend.disposeData(dataId);
    emptyPool(backend);
  }
}
