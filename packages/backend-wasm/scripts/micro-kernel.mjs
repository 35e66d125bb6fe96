// Writes assembly/micro-kernel.ts: the inner loop of all products, unrolled by hand because neither binaryen nor V8 does.

/** Steps of k in one round of the loop. */
const UNROLL = 8;
const ROWS = [0, 1, 2, 3, 4, 5];
/** Rows that only the build with fused multiply-add has. */
const FUSED_ROWS = [4, 5];

const accumulators = (row, width = 8) => Array.from({ length: width / 4 }, (_, vector) => `c${row}${vector}`);

/** `lines` of every row, indented; those of rows that only the fused build has in a condition. */
function everyRow(lines, indent) {
  return ROWS.flatMap((row) => {
    const inner = FUSED_ROWS.includes(row) ? `${indent}  ` : indent;
    const open = row === FUSED_ROWS[0] ? [`${indent}if (MR == 6) {`] : [];
    const close = row === FUSED_ROWS.at(-1) ? [`${indent}}`] : [];
    return [...open, ...lines(row).map((line) => inner + line), ...close];
  });
}

/** One step of k: two vectors of B times six (or four) values of A. */
function step(index, fence) {
  return [
    `    const b${index}0 = v128.load(b, ${index * 32});`,
    `    const b${index}1 = v128.load(b, ${index * 32 + 16});`,
    ...everyRow((row) => {
      const a = `a${index}${row}`;
      return [
        ...(row > 0 ? [fence()] : []),
        `const ${a} = v128.load32_splat(a, MR * ${index * 4} + ${row * 4});`,
        ...accumulators(row).map((c, half) => `${c} = madd(${a}, b${index}${half}, ${c});`),
      ];
    }, '    '),
  ];
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

/** Rows of the result, written by `write`. */
const rows = (write, indent) =>
  everyRow((row) => [...(row > 0 ? ['c += rowBytes;'] : []), ...write(row)], indent).join('\n');

const offset = (vector) => (vector === 0 ? '' : `, ${vector * 16}`);
const write = (names) => names.map((name, vector) => `v128.store(c, ${name}${offset(vector)});`);
/**
 * A row's four sums, all read before one is written: only so can an engine make two 256-bit operations of them.
 * They have names of their own: V8 13 keeps accumulators that are assigned once more after the loop on the stack.
 */
const add = (row) => {
  const sums = [0, 1, 2, 3].map((vector) => `x${row}${vector}`);
  const reads = accumulators(row, 16).map(
    (c, vector) => `const ${sums[vector]} = f32x4.add(v128.load(c${offset(vector)}), ${c});`,
  );
  return [...reads, ...write(sums)];
};

/** One step of k: four vectors of B, two of each panel, times six (or four) values of A. */
function wideStep() {
  return [
    '    const b0 = v128.load(b), b1 = v128.load(b, 16), b2 = v128.load(second), b3 = v128.load(second, 16);',
    ...everyRow(
      (row) => [
        `const a${row} = v128.load32_splat(a, ${row * 4});`,
        ...accumulators(row, 16).map((c, vector) => `${c} = madd(a${row}, b${vector}, ${c});`),
      ],
      '    ',
    ),
  ];
}

const zeros = (width) =>
  ROWS.map(
    (row) =>
      `  let ${accumulators(row, width)
        .map((c) => `${c} = zero`)
        .join(', ')};`,
  );

/** Panels of the tall tile: the address that each is read from. */
const PANELS = ['a', 'second'];
const tallName = (panel, row) => (panel === 'a' ? `c${row}` : `d${row}`);
/** Lines for every row of the tall tile. */
const tallRows = (lines, indent) =>
  PANELS.flatMap((panel) => everyRow((row) => lines(panel, row), indent)).join('\n');

const tallStep = (panel, row) => {
  const [c, a] = [tallName(panel, row), `${panel === 'a' ? 'x' : 'y'}${row}`];
  return [
    `const ${a} = v128.load32_splat(${panel}, ${row * 4});`,
    `${c}0 = madd(${a}, b0, ${c}0);`,
    `${c}1 = madd(${a}, b1, ${c}1);`,
  ];
};
/** Address of a row's vector: rows lie one behind the other, those of the second panel behind the first one's. */
const tallOffset = (panel, row, half) =>
  panel === 'a' ? `${row * 32 + half * 16}` : `MR * 32 + ${row * 32 + half * 16}`;
const tallWrite = (panel, row) =>
  [0, 1].map((half) => `v128.store(c, ${tallName(panel, row)}${half}, ${tallOffset(panel, row, half)});`);
const tallAdd = (panel, row) => {
  const c = tallName(panel, row);
  const at = (half) => tallOffset(panel, row, half);
  return [
    ...[0, 1].map((half) => `const ${c}${half}s = f32x4.add(v128.load(c, ${at(half)}), ${c}${half});`),
    ...[0, 1].map((half) => `v128.store(c, ${c}${half}s, ${at(half)});`),
  ];
};
const tallZeros = PANELS.flatMap((panel) =>
  ROWS.map((row) => {
    const c = tallName(panel, row);
    return `  let ${c}0 = zero, ${c}1 = zero;`;
  }),
).join('\n');

/** The text of assembly/micro-kernel.ts. */
export function microKernelSource() {
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
function put(c: usize, v: v128, w: v128, accumulate: i32): void {
  // an engine can make one 256-bit operation of two adjacent vectors only within a basic block, both read before one is written
  if (accumulate) {
    const x = f32x4.add(v128.load(c), v), y = f32x4.add(v128.load(c, 16), w);
    v128.store(c, x);
    v128.store(c, y, 16);
  } else {
    v128.store(c, v);
    v128.store(c, w, 16);
  }
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
${zeros(8).join('\n')}
  let k = kc;
${loop(UNROLL).join('\n')}
${loop(1).join('\n')}
${rows((row) => [`put(c, c${row}0, c${row}1, accumulate);`], '  ')}
}

/**
 * C[MR, 16] (+)= A panel [kc][MR] · two B panels [kc][8], bit for bit what \`microKernel\` gives for each of them.
 * For engines that make one 256-bit instruction of two adjacent vectors: 12 accumulators of 16 registers then, and
 * one step a round.
 */
export function wideMicroKernel(
  kc: i32,
  a: usize,
  b: usize,
  second: usize,
  c: usize,
  rowBytes: usize,
  accumulate: i32,
): void {
  const zero = f32x4.splat(0);
${zeros(16).join('\n')}
  for (let k = kc; k > 0; k--) {
${wideStep().join('\n')}
    a += MR * 4;
    b += 32;
    second += 32;
  }
  if (accumulate) {
${rows(add, '    ')}
  } else {
${rows((row) => write(accumulators(row, 16)), '    ')}
  }
}

/**
 * C[2 MR, 8] (+)= two A panels [kc][MR] · B panel [kc][8], bit for bit what \`microKernel\` gives for each of them. C's rows
 * lie one behind the other. For the same engines as \`wideMicroKernel\`.
 */
export function tallMicroKernel(kc: i32, a: usize, second: usize, b: usize, c: usize, accumulate: i32): void {
  const zero = f32x4.splat(0);
${tallZeros}
  for (let k = kc; k > 0; k--) {
    const b0 = v128.load(b), b1 = v128.load(b, 16);
${tallRows(tallStep, '    ')}
    a += MR * 4;
    second += MR * 4;
    b += 32;
  }
  if (accumulate) {
${tallRows(tallAdd, '    ')}
  } else {
${tallRows(tallWrite, '    ')}
  }
}
`;
}
