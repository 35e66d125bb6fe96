import { BackendUnavailableError } from '@moect/core';
import { environmentChoice } from '@moect/kernels/host';

/**
 * Forms of products: tiles of workgroup memory, tiles that hold a frozen matrix as float16, or subgroups. The
 * first and the last give the same bits.
 */
export const PRODUCT_FORMS = ['tiles', 'float16', 'subgroups'] as const;
export type ProductForm = (typeof PRODUCT_FORMS)[number];
export type ExactForm = Exclude<ProductForm, 'float16'>;

/** Subgroup sizes for which a program can be made. */
export type SubgroupSize = 4 | 8 | 16 | 32 | 64;

export interface ProductForms {
  /** Form where both sides are float32. */
  readonly float32: ExactForm;
  /** Form where the right side is a frozen matrix in compressed storage. */
  readonly frozen: ProductForm;
  /** Invocations of a workgroup of the form `subgroups`; undefined where the device has no such form. */
  readonly subgroupSize: SubgroupSize | undefined;
}

const SIZES: readonly SubgroupSize[] = [4, 8, 16, 32, 64];

/** The size of all subgroups of a GPU; undefined where there are none, or of several sizes. */
export function fixedSubgroupSize(
  features: ReadonlySet<string>,
  { subgroupMinSize, subgroupMaxSize }: Pick<GPUAdapterInfo, 'subgroupMinSize' | 'subgroupMaxSize'>,
): SubgroupSize | undefined {
  if (!features.has('subgroups') || subgroupMinSize !== subgroupMaxSize) return undefined;
  return SIZES.find((size) => size === subgroupMinSize);
}

/** The form that MOECT_WEBGPU_PRODUCTS names; undefined if not set. @throws InvalidConfigError for another name */
export const wantedForm = (): ProductForm | undefined =>
  environmentChoice('MOECT_WEBGPU_PRODUCTS', PRODUCT_FORMS, 'The WebGPU backend');

/** Forms that a device has. */
export function formsOn(
  features: ReadonlySet<string>,
  subgroupSize: SubgroupSize | undefined,
): readonly ProductForm[] {
  const has: Readonly<Record<ProductForm, boolean>> = {
    tiles: true,
    float16: features.has('shader-f16'),
    subgroups: subgroupSize !== undefined,
  };
  return PRODUCT_FORMS.filter((form) => has[form]);
}

/** @throws BackendUnavailableError where the device has no such form */
export function checkForm(form: ProductForm, there: readonly ProductForm[]): void {
  if (there.includes(form)) return;
  const needs = form === 'float16' ? "the feature 'shader-f16'" : 'subgroups of one size';
  throw new BackendUnavailableError(
    'webgpu',
    `products in the form '${form}' need ${needs}, which this adapter has not`,
    `Take one of ${there.join(', ')}, or leave it to a measurement.`,
  );
}
