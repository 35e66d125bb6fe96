// Writes assembly/micro-kernel.ts: the inner loop of all products, unrolled by hand because neither binaryen nor V8 does.

/** Steps of k in one round of the loop. */
const UNROLL = 8;
const ROWS = [0, 1, 2, 3, 4, 5];
/** Rows that only the build with fused multiply-add has. */
const FUSED_ROWS = [4, 5];

const accumulators = (row) => [`c${row}0`, `c${row}1`];

/** One step of k: two vectors of B times six (or four) values of A. */
function step(index, fence) {
  const lines = [
    `    const b${index}0 = v128.load(b, ${index * 32});`,
    `    const b${index}1 = v128.load(b, ${index * 32 + 16});`,
  ];
  for (const row of ROWS) {
    const a = `a${index}${row}`;
    const body = [
      ...(row > 0 ? [fence()] : []),
      `const ${a} = v128.load32_splat(a, MR * ${index * 4} + ${row * 4});`,
      ...accumulators(row).map((c, half) => `${c} = madd(${a}, b${index}${half}, ${c});`),
    ];
    if (row === FUSED_ROWS[0]) lines.push('    if (MR == 6) {');
    const indent = FUSED_ROWS.includes(row) ? '      ' : '    ';
    lines.push(...body.map((line) => indent + line));
    if (row === FUSED_ROWS.at(-1)) lines.push('    }');
  }
  return lines;
}

function loop(steps) {
  // no value of kc is negative; every fence must compare with another number, or compilers merge them
  let number = 2;
  const fence = () => `if (kc == -${number++}) break;`;
  const lines = [`  while (k >= ${steps}) {`];
  for (let index = 0; index < steps; index++) {
    if (index > 0) lines.push(`    ${fence()}`);
    lines.push(...step(index, fence));
  }
  lines.push(`    a += MR * ${4 * steps};`, `    b += ${32 * steps};`, `    k -= ${steps};`, '  }');
  return lines;
}

function stores() {
  return ROWS.flatMap((row) => {
    const lines = [
      ...(row > 0 ? ['c += rowBytes;'] : []),
      ...accumulators(row).map((c, half) => `put(${half === 0 ? 'c' : 'c + 16'}, ${c}, accumulate);`),
    ];
    const indent = FUSED_ROWS.includes(row) ? '    ' : '  ';
    const open = row === FUSED_ROWS[0] ? ['  if (MR == 6) {'] : [];
    const close = row === FUSED_ROWS.at(-1) ? ['  }'] : [];
    return [...open, ...lines.map((line) => indent + line), ...close];
  });
}

/** The text of assembly/micro-kernel.ts. */
export function microKernelSource() {
  const zeros = ROWS.map((row) =>
    accumulators(row)
      .map((c) => `${c} = zero`)
      .join(', '),
  );
  return `// Made by scripts/micro-kernel.mjs.

/** Rows of a micro-tile: 6 with fused multiply-add (12 accumulators of 16 registers), else 4. */
export const MR: i32 = ASC_FEATURE_RELAXED_SIMD ? 6 : 4;

// @ts-ignore: decorator
@inline
function madd(a: v128, b: v128, c: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return f32x4.relaxed_madd(a, b, c);
  return f32x4.add(f32x4.mul(a, b), c);
}

// @ts-ignore: decorator
@inline
function put(c: usize, v: v128, accumulate: i32): void {
  v128.store(c, accumulate ? f32x4.add(v128.load(c), v) : v);
}

/**
 * C[MR, 8] (+)= A panel [kc][MR] · B panel [kc][8]. rowBytes: bytes between rows of C; kc > 0.
 *
 * The comparisons of kc with negative numbers are never true. Each ends a basic block, so that V8 multiplies
 * before it loads the next value of A; without them it hoists all loads, runs out of registers and keeps
 * accumulators on the stack (27 instead of 58 GFLOP/s on a Zen 3 core). ${UNROLL} steps a round, because V8 checks
 * its stack limit in every round.
 */
export function microKernel(kc: i32, a: usize, b: usize, c: usize, rowBytes: usize, accumulate: i32): void {
  const zero = f32x4.splat(0);
${zeros.map((line) => `  let ${line};`).join('\n')}
  let k = kc;
${loop(UNROLL).join('\n')}
${loop(1).join('\n')}
${stores().join('\n')}
}
`;
}
