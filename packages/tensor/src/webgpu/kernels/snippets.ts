/** Invocations of a workgroup that goes through a row together. */
export const ROW_LANES = 64;

/** `total(lane, value)` and `largest(lane, value)` over the invocations of a workgroup, in a fixed order. */
export const REDUCTIONS: string = `
var<workgroup> shares : array<f32, ${ROW_LANES}>;
fn total(lane : i32, value : f32) -> f32 {
  shares[lane] = value;
  workgroupBarrier();
  for (var half = ${ROW_LANES / 2}; half > 0; half /= 2) {
    if (lane < half) { shares[lane] += shares[lane + half]; }
    workgroupBarrier();
  }
  let sum = shares[0];
  workgroupBarrier();
  return sum;
}
fn largest(lane : i32, value : f32) -> f32 {
  shares[lane] = value;
  workgroupBarrier();
  for (var half = ${ROW_LANES / 2}; half > 0; half /= 2) {
    if (lane < half) { shares[lane] = max(shares[lane], shares[lane + half]); }
    workgroupBarrier();
  }
  let top = shares[0];
  workgroupBarrier();
  return top;
}`;

export const FLAT_LANES = 64;
/** Elements of one workgroup in {@link eachElement}. */
export const FLAT_ELEMENTS: number = FLAT_LANES * 4;

export const flatGroups = (size: number): number => Math.ceil(size / FLAT_ELEMENTS);

/** Runs statements for each element `i` below `size`. */
export function eachElement(size: string, statements: string, group = 'group'): string {
  return `
  for (var step = 0; step < 4; step++) {
    let i = ${group} * ${FLAT_ELEMENTS} + step * ${FLAT_LANES} + lane;
    if (i < ${size}) { ${statements} }
  }`;
}
