/** Invocations of a workgroup that processes one row. */
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

/** `before(lane, value)`: sum of the values of the lanes before this one; sets `sumOfAll` to that of all `lanes`. */
export const prefixSum = (lanes: number): string => `
var<workgroup> prefixes : array<i32, ${lanes}>;
var<workgroup> sumOfAll : i32;
fn before(lane : i32, value : i32) -> i32 {
  prefixes[lane] = value;
  workgroupBarrier();
  for (var reach = 1; reach < ${lanes}; reach *= 2) {
    var other = 0;
    if (lane >= reach) { other = prefixes[lane - reach]; }
    workgroupBarrier();
    prefixes[lane] += other;
    workgroupBarrier();
  }
  let sum = prefixes[lane] - value;
  if (lane == ${lanes - 1}) { sumOfAll = prefixes[lane]; }
  workgroupBarrier();
  return sum;
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
