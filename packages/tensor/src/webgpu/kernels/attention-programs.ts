import type { Program } from '../program.ts';
import {
  ATTENTION_PARAMS,
  type AttentionPrograms,
  byHeadDim,
  eachUnit,
  type HeadLayout,
  keyPlace,
  layoutOf,
  queryPlace,
  whole,
} from './attention-snippets.ts';

/** Queries (or keys, for their gradients) of a workgroup: one for each invocation. */
const ATTENTION_LANES = 64;

/** Copies rows of `names` (of `heads` heads) from `begin` on to the tiles; past the end they are zero. */
function loadTiles(
  names: readonly [string, string],
  { unit, units, tile }: HeadLayout,
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

const tiles = ({ unit, units, tile }: HeadLayout): string => `
var<workgroup> tileA : array<${unit}, ${tile * units}>;
var<workgroup> tileB : array<${unit}, ${tile * units}>;
${whole(unit)}`;

/** Whether the query of this invocation sees key `key`. */
const SEES = `isQuery && key <= place && key >= firstKey && key < p.keys &&
      keyIds[batch * p.keys + min(key, p.keys - 1)] == id && id >= 0 && (p.window == 0 || place - key < p.window)`;

/** Online softmax (arXiv 2205.14135): one query for each invocation, keys and values in tiles. */
function forwardProgram(headDim: number): Program {
  const layout = layoutOf(headDim);
  const { unit, units, tile } = layout;
  return {
    name: `attention ${headDim}`,
    reads: { q: unit, k: unit, v: unit, queryIds: 'i32', keyIds: 'i32' },
    writes: { y: unit, logSumExps: 'f32' },
    params: ATTENTION_PARAMS,
    lanes: ATTENTION_LANES,
    declarations: tiles(layout),
    body: `${queryPlace(ATTENTION_LANES)}
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
function queryGradProgram(headDim: number): Program {
  const layout = layoutOf(headDim);
  const { unit, units, tile } = layout;
  return {
    name: `attentionQueryGrad ${headDim}`,
    reads: {
      ...{ q: unit, k: unit, v: unit, queryIds: 'i32', keyIds: 'i32' },
      ...{ y: unit, dy: unit, logSumExps: 'f32' },
    },
    writes: { dq: unit, deltas: 'f32' },
    params: ATTENTION_PARAMS,
    lanes: ATTENTION_LANES,
    declarations: tiles(layout),
    body: `${queryPlace(ATTENTION_LANES)}
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
function keyGradProgram(headDim: number): Program {
  const layout = layoutOf(headDim);
  const { unit, units, tile } = layout;
  return {
    name: `attentionKeyGrad ${headDim}`,
    reads: {
      ...{ q: unit, k: unit, v: unit, queryIds: 'i32', keyIds: 'i32' },
      ...{ dy: unit, logSumExps: 'f32', deltas: 'f32' },
    },
    writes: { dk: unit, dv: unit },
    params: ATTENTION_PARAMS,
    lanes: ATTENTION_LANES,
    declarations: tiles(layout),
    body: `${keyPlace(ATTENTION_LANES)}
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

/** With workgroup memory, as GPUs like it. */
export const TILED: AttentionPrograms = {
  lanes: ATTENTION_LANES,
  forward: byHeadDim(forwardProgram),
  queryGrad: byHeadDim(queryGradProgram),
  keyGrad: byHeadDim(keyGradProgram),
};
