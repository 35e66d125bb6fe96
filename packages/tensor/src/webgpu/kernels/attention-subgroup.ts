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

/** Queries (or keys, for their gradients) of a workgroup, which is one subgroup. */
const LANES = 8;
/** Keys that share one step of the online softmax. */
const KEYS = [0, 1, 2, 3] as const;

/** What `lane` has read, in all lanes. */
const from = (lane: string, value: string): string => `subgroupShuffle(${value}, u32(${lane}))`;

/** Each lane reads the key and value of one of the next keys. */
const loadKeys = ({ unit, units }: HeadLayout): string => `
    let ownRow = batch * p.keys + min(begin + lane, p.keys - 1);
    let ownKey = (ownRow * p.keyHeads + keyHead) * ${units};
    let ownId = keyIds[ownRow];
    var keyRow : array<${unit}, ${units}>;
    var valueRow : array<${unit}, ${units}>;
    ${eachUnit(units, 'keyRow[j] = k[ownKey + j]; valueRow[j] = v[ownKey + j];')}`;

/** Whether the query of this invocation sees key begin + t, whose document is `otherId`. */
const sees = (t: string): string => `isQuery && begin + ${t} <= place && begin + ${t} < p.keys &&
        otherId == id && id >= 0 && (p.window == 0 || place - (begin + ${t}) < p.window)`;

function program(name: string, headDim: number, rest: Pick<Program, 'reads' | 'writes' | 'body'>): Program {
  return {
    name: `${name} subgroup ${headDim}`,
    params: ATTENTION_PARAMS,
    lanes: LANES,
    isSubgroup: true,
    declarations: whole(layoutOf(headDim).unit),
    ...rest,
  };
}

/** Online softmax (arXiv 2205.14135), one query for each lane; keys and values go round by shuffles. */
function forwardProgram(headDim: number): Program {
  const layout = layoutOf(headDim);
  const { unit, units } = layout;
  const body = `${queryPlace(LANES)}
  let own = (row * p.heads + head) * ${units};
  var question : array<${unit}, ${units}>;
  var sums : array<${unit}, ${units}>;
  ${eachUnit(units, 'question[j] = q[own + j] * p.scale;')}
  var top = -3.0e38;
  var total = 0.0;
  for (var begin = firstKey; begin < lastKey; begin += ${LANES}) {
    ${loadKeys(layout)}
    for (var t = 0; t < ${LANES}; t += ${KEYS.length}) {
      var levels : vec4<f32>;
      var seen : vec4<bool>;
      ${KEYS.map(
        (e) => `{
        var score = ${unit}();
        ${eachUnit(units, `score += question[j] * ${from(`t + ${e}`, 'keyRow[j]')};`)}
        let otherId = ${from(`t + ${e}`, 'ownId')};
        seen[${e}] = ${sees(`t + ${e}`)};
        levels[${e}] = select(-3.0e38, whole(score), seen[${e}]);
      }`,
      ).join('\n')}
      let next = max(top, max(max(levels.x, levels.y), max(levels.z, levels.w)));
      let shrink = exp(top - next);
      let weights = select(vec4<f32>(), exp(levels - next), seen);
      top = next;
      total = total * shrink + (weights.x + weights.y + weights.z + weights.w);
      ${eachUnit(
        units,
        `sums[j] = sums[j] * shrink + ${KEYS.map((e) => `weights[${e}] * ${from(`t + ${e}`, 'valueRow[j]')}`).join(' + ')};`,
      )}
    }
  }
  if (isQuery) {
    let inverse = select(0.0, 1.0 / total, total > 0.0);
    ${eachUnit(units, 'y[own + j] = sums[j] * inverse;')}
    logSumExps[(batch * p.heads + head) * p.time + query] = select(0.0, top + log(total), total > 0.0);
  }`;
  return program('attention', headDim, {
    reads: { q: unit, k: unit, v: unit, queryIds: 'i32', keyIds: 'i32' },
    writes: { y: unit, logSumExps: 'f32' },
    body,
  });
}

/** dq, and Σ dout · out of each query, which the gradients of keys and values need. */
function queryGradProgram(headDim: number): Program {
  const layout = layoutOf(headDim);
  const { unit, units } = layout;
  const body = `${queryPlace(LANES)}
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
  for (var begin = firstKey; begin < lastKey; begin += ${LANES}) {
    ${loadKeys(layout)}
    for (var t = 0; t < ${LANES}; t++) {
      var score = ${unit}();
      var slope = ${unit}();
      ${eachUnit(
        units,
        `score += question[j] * ${from('t', 'keyRow[j]')}; slope += slopes[j] * ${from('t', 'valueRow[j]')};`,
      )}
      let otherId = ${from('t', 'ownId')};
      let weight = select(0.0, exp(whole(score) - level), ${sees('t')});
      let change = weight * (whole(slope) - delta) * p.scale;
      ${eachUnit(units, `sums[j] += change * ${from('t', 'keyRow[j]')};`)}
    }
  }
  if (isQuery) { ${eachUnit(units, 'dq[own + j] = sums[j];')} }`;
  return program('attentionQueryGrad', headDim, {
    reads: {
      ...{ q: unit, k: unit, v: unit, queryIds: 'i32', keyIds: 'i32' },
      ...{ y: unit, dy: unit, logSumExps: 'f32' },
    },
    writes: { dq: unit, deltas: 'f32' },
    body,
  });
}

/** dk and dv: one key for each lane; queries go round by shuffles. */
function keyGradProgram(headDim: number): Program {
  const { unit, units } = layoutOf(headDim);
  const body = `${keyPlace(LANES)}
  let own = (row * p.keyHeads + keyHead) * ${units};
  var answer : array<${unit}, ${units}>;
  var content : array<${unit}, ${units}>;
  var keySums : array<${unit}, ${units}>;
  var contentSums : array<${unit}, ${units}>;
  ${eachUnit(units, 'answer[j] = k[own + j] * p.scale; content[j] = v[own + j];')}
  for (var head = keyHead * perKey; head < (keyHead + 1) * perKey; head++) {
    for (var begin = firstQuery; begin < lastQuery; begin += ${LANES}) {
      let ownQuery = min(begin + lane, p.time - 1);
      let ownRow = ((batch * p.time + ownQuery) * p.heads + head) * ${units};
      let ownNumber = (batch * p.heads + head) * p.time + ownQuery;
      let ownId = queryIds[batch * p.time + ownQuery];
      let ownLevel = logSumExps[ownNumber];
      let ownDelta = deltas[ownNumber];
      var queryRow : array<${unit}, ${units}>;
      var slopeRow : array<${unit}, ${units}>;
      ${eachUnit(units, 'queryRow[j] = q[ownRow + j]; slopeRow[j] = dy[ownRow + j];')}
      for (var t = 0; t < ${LANES}; t++) {
        let query = begin + t;
        let place = behind + query;
        var score = ${unit}();
        var slope = ${unit}();
        ${eachUnit(
          units,
          `score += answer[j] * ${from('t', 'queryRow[j]')}; slope += content[j] * ${from('t', 'slopeRow[j]')};`,
        )}
        let otherId = ${from('t', 'ownId')};
        let isSeen = isKey && query < p.time && key <= place && id >= 0 && otherId == id &&
          (p.window == 0 || place - key < p.window);
        let weight = select(0.0, exp(whole(score) - ${from('t', 'ownLevel')}), isSeen);
        let change = weight * (whole(slope) - ${from('t', 'ownDelta')}) * p.scale;
        ${eachUnit(
          units,
          `keySums[j] += change * ${from('t', 'queryRow[j]')}; contentSums[j] += weight * ${from('t', 'slopeRow[j]')};`,
        )}
      }
    }
  }
  if (isKey) { ${eachUnit(units, 'dk[own + j] = keySums[j]; dv[own + j] = contentSums[j];')} }`;
  return program('attentionKeyGrad', headDim, {
    reads: {
      ...{ q: unit, k: unit, v: unit, queryIds: 'i32', keyIds: 'i32' },
      ...{ dy: unit, logSumExps: 'f32', deltas: 'f32' },
    },
    writes: { dk: unit, dv: unit },
    body,
  });
}

/** Without workgroup memory, for software adapters. */
export const IN_SUBGROUP: AttentionPrograms = {
  lanes: LANES,
  forward: byHeadDim(forwardProgram),
  queryGrad: byHeadDim(queryGradProgram),
  keyGrad: byHeadDim(keyGradProgram),
};
