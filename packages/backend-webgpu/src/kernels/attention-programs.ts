import { attentionPrograms } from './attention-passes.ts';
import { type AttentionPrograms, eachUnit, type HeadLayout, whole } from './attention-snippets.ts';

/** Queries (or keys, for their gradients) of a workgroup: one for each invocation. */
const ATTENTION_LANES = 64;

/** Copies `head` of rows `begin` … of both `names` into the tiles; rows from `limit` on are zero. */
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

const forward = (layout: HeadLayout): string => {
  const { unit, units, tile } = layout;
  return `for (var begin = firstKey; begin < lastKey; begin += ${tile}) {
    ${loadTiles(['k', 'v'], layout, ['p.keys', 'p.keyHeads', 'keyHead'])}
    for (var t = 0; t < ${tile}; t++) {
      let key = begin + t;
      if (${SEES}) {
        var score = ${unit}();
        ${eachUnit(units, `score += question[j] * tileA[t * ${units} + j];`)}
        let level = capped(whole(score), p.softcap);
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
  }`;
};

const queryGrad = (layout: HeadLayout): string => {
  const { unit, units, tile } = layout;
  return `for (var begin = firstKey; begin < lastKey; begin += ${tile}) {
    ${loadTiles(['k', 'v'], layout, ['p.keys', 'p.keyHeads', 'keyHead'])}
    for (var t = 0; t < ${tile}; t++) {
      let key = begin + t;
      if (${SEES}) {
        var score = ${unit}();
        var slope = ${unit}();
        ${eachUnit(units, `score += question[j] * tileA[t * ${units} + j]; slope += slopes[j] * tileB[t * ${units} + j];`)}
        let reached = capped(whole(score), p.softcap);
        let weight = exp(reached - level);
        let change = weight * (whole(slope) - delta) * p.scale * capSlope(reached, p.softcap);
        ${eachUnit(units, `sums[j] += change * tileA[t * ${units} + j];`)}
      }
    }
    workgroupBarrier();
  }`;
};

const keyGrad = (layout: HeadLayout): string => {
  const { unit, units, tile } = layout;
  return `for (var begin = firstQuery; begin < lastQuery; begin += ${tile}) {
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
          let reached = capped(whole(score), p.softcap);
          let weight = exp(reached - logSumExps[number]);
          let change = weight * (whole(slope) - deltas[number]) * p.scale * capSlope(reached, p.softcap);
          ${eachUnit(units, `keySums[j] += change * tileA[t * ${units} + j]; contentSums[j] += weight * tileB[t * ${units} + j];`)}
        }
      }
      workgroupBarrier();
    }`;
};

/** For GPUs: tiles of keys and values, or of queries and slopes, pass through workgroup memory. */
export const TILED: AttentionPrograms = attentionPrograms({
  suffix: '',
  lanes: ATTENTION_LANES,
  declarations: tiles,
  forward,
  queryGrad,
  keyGrad,
});
