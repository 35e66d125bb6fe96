import { attentionPrograms } from './attention-passes.ts';
import { type AttentionPrograms, eachUnit, type HeadLayout, whole } from './attention-snippets.ts';

/** Queries (or keys, for their gradients) of a workgroup, which is one subgroup. */
const LANES = 8;
/** Keys that share one step of the online softmax. */
const KEYS = [0, 1, 2, 3] as const;

/** WGSL: `value` of `lane`, in all lanes. */
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

const forward = (layout: HeadLayout): string => {
  const { unit, units } = layout;
  return `for (var begin = firstKey; begin < lastKey; begin += ${LANES}) {
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
        levels[${e}] = select(-3.0e38, capped(whole(score), p.softcap), seen[${e}]);
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
  }`;
};

const queryGrad = (layout: HeadLayout): string => {
  const { unit, units } = layout;
  return `for (var begin = firstKey; begin < lastKey; begin += ${LANES}) {
    ${loadKeys(layout)}
    for (var t = 0; t < ${LANES}; t++) {
      var score = ${unit}();
      var slope = ${unit}();
      ${eachUnit(
        units,
        `score += question[j] * ${from('t', 'keyRow[j]')}; slope += slopes[j] * ${from('t', 'valueRow[j]')};`,
      )}
      let otherId = ${from('t', 'ownId')};
      let reached = capped(whole(score), p.softcap);
      let weight = select(0.0, exp(reached - level), ${sees('t')});
      let change = weight * (whole(slope) - delta) * p.scale * capSlope(reached, p.softcap);
      ${eachUnit(units, `sums[j] += change * ${from('t', 'keyRow[j]')};`)}
    }
  }`;
};

const keyGrad = ({
  unit,
  units,
}: HeadLayout): string => `for (var begin = firstQuery; begin < lastQuery; begin += ${LANES}) {
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
        let reached = capped(whole(score), p.softcap);
        let weight = select(0.0, exp(reached - ${from('t', 'ownLevel')}), isSeen);
        let change = weight * (whole(slope) - ${from('t', 'ownDelta')}) * p.scale * capSlope(reached, p.softcap);
        ${eachUnit(
          units,
          `keySums[j] += change * ${from('t', 'queryRow[j]')}; contentSums[j] += weight * ${from('t', 'slopeRow[j]')};`,
        )}
      }
    }`;

/** For software adapters: lanes exchange keys and values, or queries and slopes, without workgroup memory. */
export const IN_SUBGROUP: AttentionPrograms = attentionPrograms({
  suffix: ' subgroup',
  lanes: LANES,
  isSubgroup: true,
  declarations: ({ unit }) => whole(unit),
  forward,
  queryGrad,
  keyGrad,
});
