import type { MatrixStorage } from '@moect/kernels';
import type { Program } from '../program.ts';
import { SCALES, WIDENING } from './widening.ts';

/** How tiles read the right side of a product. */
export interface OperandB {
  readonly reads: Program['reads'];
  readonly declarations: string;
  /** WGSL after the setup. */
  readonly setup: string;
  /** WGSL of the float32 value of element `at`, in the stored row `row` counted from `bAt`. */
  readonly element: (at: string, row: string) => string;
  /** WGSL of four values from element `at`, a multiple of four. */
  readonly quad: (at: string, row: string) => string;
}

/**
 * @param storage float32 where undefined
 * @param vectors buffers are read in quads
 */
export function operandB(
  storage: MatrixStorage | undefined,
  transposeB: boolean,
  vectors: boolean,
): OperandB {
  if (storage === undefined) {
    return {
      reads: { b: vectors ? 'vec4<f32>' : 'f32' },
      declarations: '',
      setup: '',
      element: (at) => `b[${at}]`,
      quad: (at) => `b[(${at}) / 4]`,
    };
  }
  return {
    reads: { b: 'i32', ...SCALES(storage) },
    declarations: WIDENING[storage]('b'),
    setup: `let bRow = bAt / ${transposeB ? 'k' : 'n'};`,
    element: (at, row) => `widenedElement(${at}, bRow + ${row})`,
    quad: (at, row) => `widenedQuad(${at}, bRow + ${row})`,
  };
}
