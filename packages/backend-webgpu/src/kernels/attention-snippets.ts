import type { Program } from '../program.ts';

export const ATTENTION_PARAMS = {
  time: 'i32',
  keys: 'i32',
  heads: 'i32',
  keyHeads: 'i32',
  blocks: 'i32',
  window: 'i32',
  scale: 'f32',
  softcap: 'f32',
} as const;

/** WGSL: position of the block of `group`, with one query for each lane. */
export const queryPlace = (lanes: number): string => `
  let block = group % p.blocks;
  let head = (group / p.blocks) % p.heads;
  let batch = group / (p.blocks * p.heads);
  let keyHead = head / (p.heads / p.keyHeads);
  let behind = p.keys - p.time;
  let query = block * ${lanes} + lane;
  let isQuery = query < p.time;
  let row = batch * p.time + min(query, p.time - 1);
  let id = queryIds[row];
  let place = behind + query;
  let lastKey = min(p.keys, behind + (block + 1) * ${lanes});
  let firstKey = select(0, max(0, behind + block * ${lanes} - p.window + 1), p.window > 0);`;

/** WGSL: position of the block of `group`, with one key for each lane. */
export const keyPlace = (lanes: number): string => `
  let block = group % p.blocks;
  let keyHead = (group / p.blocks) % p.keyHeads;
  let batch = group / (p.blocks * p.keyHeads);
  let perKey = p.heads / p.keyHeads;
  let behind = p.keys - p.time;
  let key = block * ${lanes} + lane;
  let isKey = key < p.keys;
  let row = batch * p.keys + min(key, p.keys - 1);
  let id = keyIds[row];
  let firstQuery = max(0, block * ${lanes} - behind);
  let lastQuery = select(p.time, min(p.time, (block + 1) * ${lanes} - 1 + p.window - behind), p.window > 0);`;

export const eachUnit = (units: number, statements: string): string =>
  `for (var j = 0; j < ${units}; j++) { ${statements} }`;

/** Layout of a head: quads where its size is a multiple of four, else single floats. */
export interface HeadLayout {
  readonly unit: 'vec4<f32>' | 'f32';
  /** Units of a head. */
  readonly units: number;
  /** Rows of each of two tensors in workgroup memory at a time: 16 KiB in all. */
  readonly tile: number;
}

export function layoutOf(headDim: number): HeadLayout {
  const tile = Math.max(1, Math.min(16, Math.floor(2048 / headDim)));
  return headDim % 4 === 0
    ? { unit: 'vec4<f32>', units: headDim / 4, tile }
    : { unit: 'f32', units: headDim, tile };
}

/**
 * WGSL functions `whole`: the sum of a unit, and for a cap of scores (0: none) `capped` and `capSlope`, the latter at what
 * `capped` gave. tanh of large numbers overflows on some adapters, so its argument is clamped where it is ±1 anyway.
 */
export const whole = (unit: HeadLayout['unit']): string =>
  `fn capped(score : f32, cap : f32) -> f32 {
  if (cap == 0.0) { return score; }
  return cap * tanh(clamp(score / cap, -15.0, 15.0));
}
fn capSlope(score : f32, cap : f32) -> f32 {
  if (cap == 0.0) { return 1.0; }
  return 1.0 - (score / cap) * (score / cap);
}
fn whole(parts : ${unit}) -> f32 { return ${unit === 'f32' ? 'parts' : 'dot(parts, vec4<f32>(1.0))'}; }`;

/** Programs by head size. */
export interface AttentionPrograms {
  /** Queries or keys that a workgroup takes, one for each invocation. */
  readonly lanes: number;
  readonly forward: (headDim: number) => Program;
  readonly queryGrad: (headDim: number) => Program;
  readonly keyGrad: (headDim: number) => Program;
}

/** One program for each head size. */
export function byHeadDim(make: (headDim: number) => Program): (headDim: number) => Program {
  const made = new Map<number, Program>();
  return (headDim) => {
    const program = made.get(headDim) ?? make(headDim);
    made.set(headDim, program);
    return program;
  };
}
