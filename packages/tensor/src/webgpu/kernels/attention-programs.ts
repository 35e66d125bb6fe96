import type { Program } from '../program.ts';

/** Queries (or keys, for their gradients) of a workgroup: one for each invocation. */
export const ATTENTION_LANES = 64;

const PARAMS = {
  time: 'i32',
  keys: 'i32',
  heads: 'i32',
  keyHeads: 'i32',
  blocks: 'i32',
  window: 'i32',
  scale: 'f32',
} as const;

/** Where the block of `group` is. */
const QUERY_PLACE = `
  let block = group % p.blocks;
  let head = (group / p.blocks) % p.heads;
  let batch = group / (p.blocks * p.heads);
  let keyHead = head / (p.heads / p.keyHeads);
  let behind = p.keys - p.time;
  let query = block * ${ATTENTION_LANES} + lane;
  let isQuery = query < p.time;
  let row = batch * p.time + min(query, p.time - 1);
  let id = queryIds[row];
  let place = behind + query;
  let lastKey = min(p.keys, behind + (block + 1) * ${ATTENTION_LANES});
  let firstKey = select(0, max(0, behind + block * ${ATTENTION_LANES} - p.window + 1), p.window > 0);`;

const eachUnit = (units: number, statements: string): string =>
  `for (var j = 0; j < ${units}; j++) { ${statements} }`;

/** Copies rows of `names` (of `heads` heads) from `begin` on to the tiles; past the end they are zero. */
function loadTiles(
  names: readonly [string, string],
  { unit, units, tile }: Layout,
  [limit, pitch, head]: readonly [string, string, string],
): string {
  return `
    for (var i = lane; i < ${tile * units}; i += ${ATTENTION_LANES}) {
      let at = begin + i / ${units};
      var first = ${unit}();
      var second = ${unit}();
      if (at < ${limit}) {
        let place = ((batch * ${limit} + at) * ${pitch} + ${head}) * ${units} + i % ${units};
        first = ${names[0]}[place];
        second = ${names[1]}[place];
      }
      tileA[i] = first;
      tileB[i] = second;
    }
    workgroupBarrier();`;
}

/** How a head is read: in quads where they fit. */
interface Layout {
  readonly unit: 'vec4<f32>' | 'f32';
  /** Units of a head. */
  readonly units: number;
  /** Rows that are in workgroup memory at a time, of two tensors: 16 KiB. */
  readonly tile: number;
}

function layoutOf(headDim: number): Layout {
  const tile = Math.max(1, Math.min(16, Math.floor(2048 / headDim)));
  return headDim % 4 === 0
    ? { unit: 'vec4<f32>', units: headDim / 4, tile }
    : { unit: 'f32', units: headDim, tile };
}

const tiles = ({ unit, units, tile }: Layout): string => `
var<workgroup> tileA : array<${unit}, ${tile * units}>;
var<workgroup> tileB : array<${unit}, ${tile * units}>;
fn whole(parts : ${unit}) -> f32 { return ${unit === 'f32' ? 'parts' : 'dot(parts, vec4<f32>(1.0))'}; }`;

/** Whether the query of this invocation sees key `key`. */
const SEES = `isQuery && key <= place && key >= firstKey && key < p.keys &&
      keyIds[batch * p.keys + min(key, p.keys - 1)] == id && id >= 0 && (p.window == 0 || place - key < p.window)`;

/** Online softmax (arXiv 2205.14135): one query for each invocation, keys and values in tiles. */
export function forwardProgram(headDim: number): Program {
  const layout = layoutOf(headDim);
  const { unit, units, tile } = layout;
  return {
    name: `attention ${headDim}`,
    reads: { q: unit, k: unit, v: unit, queryIds: 'i32', keyIds: 'i32' },
    writes: { y: unit, logSumExps: 'f32' },
    params: PARAMS,
    lanes: ATTENTION_LANES,
    declarations: tiles(layout),
    body: `${QUERY_PLACE}
  let own = (row * p.heads + head) * ${units};
  var question : array<${unit}, ${units}>;
  var sums : array<${unit}, ${units}>;
  ${eachUnit(units, 'question[j] = q[own + j] * p.scale;')}
  var top = -3.0e38;
  var total = 0.0;
  for (var begin = firstKey; begin < lastKey; begin += ${tile}) {
    ${loadTiles(['k', 'v'], layout, ['p.keys', 'p.keyHeads', 'keyHead'])}
    for (var t = 0; t < ${tile}; t++) {
      let key = begin + t;
      if (${SEES}) {
        var score = ${unit}();
        ${eachUnit(units, `score += question[j] * tileA[t * ${units} + j];`)}
        let level = whole(score);
        if (level > top) {
          let shrink = exp(top - level);
          total *= shrink;
          ${eachUnit(units, 'sums[j] *= shrink;')}
          top = level;
        }
        let weight = exp(level - top);
        total += weight;
        ${eachUnit(units, `sums[j] += weight * tileB[t * ${units} + j];`)}
      }
    }
    workgroupBarrier();
  }
  if (isQuery) {
    let inverse = select(0.0, 1.0 / total, total > 0.0);
    ${eachUnit(units, 'y[own + j] = sums[j] * inverse;')}
    logSumExps[(batch * p.heads + head) * p.time + query] = select(0.0, top + log(total), total > 0.0);
  }`,
  };
}

/** dq, and Σ dout · out of each query, which the gradients of keys and values need. */
export function queryGradProgram(headDim: number): Program {
  const layout = layoutOf(headDim);
  const { unit, units, tile } = layout;
  return {
    name: `attentionQueryGrad ${headDim}`,
    reads: {
      ...{ q: unit, k: unit, v: unit, queryIds: 'i32', keyIds: 'i32' },
      ...{ y: unit, dy: unit, logSumExps: 'f32' },
    },
    writes: { dq: unit, deltas: 'f32' },
    params: PARAMS,
    lanes: ATTENTION_LANES,
    declarations: tiles(layout),
    body: `${QUERY_PLACE}
  let own = (row * p.heads + head) * ${units};
  let number = (batch * p.heads + head) * p.time + min(query, p.time - 1);
  var question : array<${unit}, ${units}>;
  var slopes : array<${unit}, ${units}>;
  var sums : array<${unit}, ${units}>;
  var products = ${unit}();
  ${eachUnit(units, 'question[j] = q[own + j] * p.scale; slopes[j] = dy[own + j]; products += slopes[j] * y[own + j];')}
  let delta = whole(products);
  let level = logSumExps[number];
  if (isQuery) { deltas[number] = delta; }
  for (var begin = firstKey; begin < lastKey; begin += ${tile}) {
    ${loadTiles(['k', 'v'], layout, ['p.keys', 'p.keyHeads', 'keyHead'])}
    for (var t = 0; t < ${tile}; t++) {
      let key = begin + t;
      if (${SEES}) {
        var score = ${unit}();
        var slope = ${unit}();
        ${eachUnit(units, `score += question[j] * tileA[t * ${units} + j]; slope += slopes[j] * tileB[t * ${units} + j];`)}
        let weight = exp(whole(score) - level);
        let change = weight * (whole(slope) - delta) * p.scale;
        ${eachUnit(units, `sums[j] += change * tileA[t * ${units} + j];`)}
      }
    }
    workgroupBarrier();
  }
  if (isQuery) { ${eachUnit(units, 'dq[own + j] = sums[j];')} }`,
  };
}

/** dk and dv: one key for each invocation, the queries of all its heads in tiles. */
export function keyGradProgram(headDim: number): Program {
  const layout = layoutOf(headDim);
  const { unit, units, tile } = layout;
  return {
    name: `attentionKeyGrad ${headDim}`,
    reads: {
      ...{ q: unit, k: unit, v: unit, queryIds: 'i32', keyIds: 'i32' },
      ...{ dy: unit, logSumExps: 'f32', deltas: 'f32' },
    },
    writes: { dk: unit, dv: unit },
    params: PARAMS,
    lanes: ATTENTION_LANES,
    declarations: tiles(layout),
    body: `
  let block = group % p.blocks;
  let keyHead = (group / p.blocks) % p.keyHeads;
  let batch = group / (p.blocks * p.keyHeads);
  let perKey = p.heads / p.keyHeads;
  let behind = p.keys - p.time;
  let key = block * ${ATTENTION_LANES} + lane;
  let isKey = key < p.keys;
  let row = batch * p.keys + min(key, p.keys - 1);
  let id = keyIds[row];
  let firstQuery = max(0, block * ${ATTENTION_LANES} - behind);
  let lastQuery = select(p.time, min(p.time, (block + 1) * ${ATTENTION_LANES} - 1 + p.window - behind), p.window > 0);
  let own = (row * p.keyHeads + keyHead) * ${units};
  var answer : array<${unit}, ${units}>;
  var content : array<${unit}, ${units}>;
  var keySums : array<${unit}, ${units}>;
  var contentSums : array<${unit}, ${units}>;
  ${eachUnit(units, 'answer[j] = k[own + j] * p.scale; content[j] = v[own + j];')}
  for (var head = keyHead * perKey; head < (keyHead + 1) * perKey; head++) {
    for (var begin = firstQuery; begin < lastQuery; begin += ${tile}) {
      ${loadTiles(['q', 'dy'], layout, ['p.time', 'p.heads', 'head'])}
      for (var t = 0; t < ${tile}; t++) {
        let query = begin + t;
        let place = behind + query;
        if (isKey && query < p.time && key <= place && id >= 0 && queryIds[batch * p.time + min(query, p.time - 1)] == id &&
          (p.window == 0 || place - key < p.window)) {
          let number = (batch * p.heads + head) * p.time + query;
          var score = ${unit}();
          var slope = ${unit}();
          ${eachUnit(units, `score += answer[j] * tileA[t * ${units} + j]; slope += content[j] * tileB[t * ${units} + j];`)}
          let weight = exp(whole(score) - logSumExps[number]);
          let change = weight * (whole(slope) - deltas[number]) * p.scale;
          ${eachUnit(units, `keySums[j] += change * tileA[t * ${units} + j]; contentSums[j] += weight * tileB[t * ${units} + j];`)}
        }
      }
      workgroupBarrier();
    }
  }
  if (isKey) { ${eachUnit(units, 'dk[own + j] = keySums[j]; dv[own + j] = contentSums[j];')} }`,
  };
}
