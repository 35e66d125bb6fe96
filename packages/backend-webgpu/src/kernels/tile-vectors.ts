import type { OperandB } from './operand-b.ts';

/** Parameters of loading a tile. */
export interface TileLoad {
  readonly size: number;
  readonly depth: number;
  readonly lanes: number;
  readonly transposeA: boolean;
  readonly transposeB: boolean;
  readonly quadOfB: OperandB['quad'];
  /** The tile of b is float16. */
  readonly isHalf?: boolean | undefined;
}

const EACH = [0, 1, 2, 3];

/** WGSL that loads operands in quads: sizes and offsets are multiples of four, so no quad is partly outside. */
export function loadVectors({
  size,
  depth,
  lanes,
  transposeA,
  transposeB,
  quadOfB,
  isHalf,
}: TileLoad): string {
  const quads = size / 4;
  const deep = depth / 4;
  const held = (quad: string): string => (isHalf === true ? `vec4<f16>(${quad})` : quad);
  const loop = (count: number, across: number, statements: string): string => `
    for (var i = lane; i < ${count}; i += ${lanes}) {
      let place = vec2<i32>(i % ${across}, i / ${across});
      ${statements}
    }`;
  const a = transposeA
    ? loop(
        quads * depth,
        quads,
        `let row = firstRow + place.x * 4;
         let term = from0 + place.y;
         var v = vec4<f32>();
         if (row < m && term < k) { v = a[(aAt + term * m + row) / 4]; }
         ${EACH.map((e) => `tileA[place.y * ${size} + place.x * 4 + ${e}] = v[${e}];`).join(' ')}`,
      )
    : loop(
        size * deep,
        deep,
        `let row = firstRow + place.y;
         let term = from0 + place.x * 4;
         var v = vec4<f32>();
         if (row < m && term < k) { v = a[(aAt + row * k + term) / 4]; }
         ${EACH.map((e) => `tileA[(place.x * 4 + ${e}) * ${size} + place.y] = v[${e}];`).join(' ')}`,
      );
  const b = transposeB
    ? loop(
        quads * deep,
        deep,
        `let column = firstColumn + place.y * 4;
         let term = from0 + place.x * 4;
         var v = mat4x4<f32>();
         if (column < n && term < k) {
           let at = bAt + column * k + term;
           v = transpose(mat4x4<f32>(${EACH.map((e) => quadOfB(`at + ${e} * k`, `column + ${e}`)).join(', ')}));
         }
         ${EACH.map((e) => `tileB[(place.x * 4 + ${e}) * ${quads} + place.y] = ${held(`v[${e}]`)};`).join(' ')}`,
      )
    : loop(
        quads * depth,
        quads,
        `let column = firstColumn + place.x * 4;
         let term = from0 + place.y;
         var v = vec4<f32>();
         if (column < n && term < k) { v = ${quadOfB('bAt + term * n + column', 'term')}; }
         tileB[place.y * ${quads} + place.x] = ${held('v')};`,
      );
  return a + b;
}
