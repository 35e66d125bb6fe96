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
} from './attention-snippets.ts';

type Loop = (layout: HeadLayout) => string;

/** A loop over keys or queries; all forms share the beginning and end of an invocation. */
export interface AttentionForm {
  /** Distinguishes the names of the programs. */
  readonly suffix: string;
  /** Queries or keys of a workgroup, one for each invocation. */
  readonly lanes: number;
  readonly isSubgroup?: true;
  readonly declarations: Loop;
  /** Online softmax (arXiv 2205.14135) of `question` over all keys into `top`, `total` and `sums`. */
  readonly forward: Loop;
  /** Adds each key's share of dq of `question` to `sums`; reads dy from `slopes`, and `delta` and `level`. */
  readonly queryGrad: Loop;
  /** Adds each query's share of dk (key `answer`) to `keySums`, and of dv (value `content`) to `contentSums`. */
  readonly keyGrad: Loop;
}

const forwardBody = (
  { unit, units }: HeadLayout,
  lanes: number,
  loop: string,
): string => `${queryPlace(lanes)}
  let own = (row * p.heads + head) * ${units};
  var question : array<${unit}, ${units}>;
  var sums : array<${unit}, ${units}>;
  ${eachUnit(units, 'question[j] = q[own + j] * p.scale;')}
  var top = -3.0e38;
  var total = 0.0;
  ${loop}
  if (isQuery) {
    let inverse = select(0.0, 1.0 / total, total > 0.0);
    ${eachUnit(units, 'y[own + j] = sums[j] * inverse;')}
    logSumExps[(batch * p.heads + head) * p.time + query] = select(0.0, top + log(total), total > 0.0);
  }`;

const queryGradBody = (
  { unit, units }: HeadLayout,
  lanes: number,
  loop: string,
): string => `${queryPlace(lanes)}
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
  ${loop}
  if (isQuery) { ${eachUnit(units, 'dq[own + j] = sums[j];')} }`;

const keyGradBody = ({ unit, units }: HeadLayout, lanes: number, loop: string): string => `${keyPlace(lanes)}
  let own = (row * p.keyHeads + keyHead) * ${units};
  var answer : array<${unit}, ${units}>;
  var content : array<${unit}, ${units}>;
  var keySums : array<${unit}, ${units}>;
  var contentSums : array<${unit}, ${units}>;
  ${eachUnit(units, 'answer[j] = k[own + j] * p.scale; content[j] = v[own + j];')}
  for (var head = keyHead * perKey; head < (keyHead + 1) * perKey; head++) {
    ${loop}
  }
  if (isKey) { ${eachUnit(units, 'dk[own + j] = keySums[j]; dv[own + j] = contentSums[j];')} }`;

/** Attention, then dq and Σ dout · out of each query (which dk and dv need), then dk and dv. */
export function attentionPrograms(form: AttentionForm): AttentionPrograms {
  const { lanes, suffix, isSubgroup } = form;
  const program = (
    name: string,
    headDim: number,
    rest: (layout: HeadLayout) => Pick<Program, 'reads' | 'writes' | 'body'>,
  ): Program => {
    const layout = layoutOf(headDim);
    return {
      name: `${name}${suffix} ${headDim}`,
      params: ATTENTION_PARAMS,
      lanes,
      ...(isSubgroup && { isSubgroup }),
      declarations: form.declarations(layout),
      ...rest(layout),
    };
  };
  const common = ({ unit }: HeadLayout) =>
    ({ q: unit, k: unit, v: unit, queryIds: 'i32', keyIds: 'i32' }) as const;
  const forward = (headDim: number): Program =>
    program('attention', headDim, (layout) => ({
      reads: common(layout),
      writes: { y: layout.unit, logSumExps: 'f32' },
      body: forwardBody(layout, lanes, form.forward(layout)),
    }));
  const queryGrad = (headDim: number): Program =>
    program('attentionQueryGrad', headDim, (layout) => ({
      reads: { ...common(layout), y: layout.unit, dy: layout.unit, logSumExps: 'f32' },
      writes: { dq: layout.unit, deltas: 'f32' },
      body: queryGradBody(layout, lanes, form.queryGrad(layout)),
    }));
  const keyGrad = (headDim: number): Program =>
    program('attentionKeyGrad', headDim, (layout) => ({
      reads: { ...common(layout), dy: layout.unit, logSumExps: 'f32', deltas: 'f32' },
      writes: { dk: layout.unit, dv: layout.unit },
      body: keyGradBody(layout, lanes, form.keyGrad(layout)),
    }));
  return {
    lanes,
    forward: byHeadDim(forward),
    queryGrad: byHeadDim(queryGrad),
    keyGrad: byHeadDim(keyGrad),
  };
}
