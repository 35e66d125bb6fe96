import { argF, argI, argP, rangeStart } from '../layout';
import { attentionChunk, attentionPackChunk } from './attention';
import { attentionDirectChunk } from './attention-direct';
import { attentionGradChunk } from './attention-grad';
import { groupedDirectChunk, groupedGradWeightChunk, groupedPackChunk, groupedProductChunk, groupedWholeChunk } from './grouped';
import { gelu, geluGrad, swiglu, swigluGrad } from './activations';
import { causalMean, causalMeanGrad, runCounts } from './causal-mean';
import { crossEntropy, crossEntropyGrad, crossEntropySlopes } from './cross-entropy';
import { addToColumns, takeColumns } from './columns';
import { softcapRows } from './softcap';
import { chosenWeights, chosenWeightsGrad, countAssignments } from './expert-choice';
import { gatePrior, gatePriorGrad, gatePriorSum, gateWeight, gateWeightGrad } from './gate';
import { gatedBlend, gatedBlendGrad } from './gated-blend';
import { layerNorm, layerNormGrad } from './layer-norm';
import * as op from './ops';
import { adamW, rootOfSum, sumSquares } from './optimizer';
import { rmsNorm, rmsNormalizeSum, rmsNormalizeSumGrad, rmsNormGrad, sumParts } from './rms-norm';
import { rope } from './rope';
import { routerLoss, routerLossGrad, routerLossSum } from './router-losses';
import {
  combineRows,
  combineRowsGrad,
  gatherRows,
  invertOrder,
  scatterRows,
  sortByKey,
  weightedRowsGrad,
} from './rows';
import { topK } from './top-k';

/** One chunk of a fused operation; arguments lie in the argument block. */
export function runFused(id: i32, chunk: i32, chunks: i32): void {
  if (id >= op.RMS_NORMALIZE_SUM) runGate(id, chunk, chunks);
  else if (id >= op.ATTENTION_PACK) runProduct(id, chunk, chunks);
  else if (id >= op.SORT_BY_KEY) runAlone(id);
  else if (id >= op.GATHER_ROWS) runRows(id, chunk, chunks);
  else runPointwise(id, chunk, chunks);
}

/** Arguments as the chunk functions say. */
function runProduct(id: i32, chunk: i32, chunks: i32): void {
  switch (id) {
    case op.ATTENTION_PACK:
      return attentionPackChunk(chunk, chunks);
    case op.ATTENTION:
      return attentionChunk(chunk, chunks);
    case op.ATTENTION_DIRECT:
      return attentionDirectChunk(chunk, chunks);
    case op.ATTENTION_GRAD:
      return attentionGradChunk(chunk, chunks);
    case op.GROUPED_PACK:
      return groupedPackChunk(chunk, chunks);
    case op.GROUPED_PRODUCT:
      return groupedProductChunk(chunk, chunks);
    case op.GROUPED_GRAD_WEIGHT:
      return groupedGradWeightChunk(chunk, chunks);
    case op.GROUPED_DIRECT:
      return groupedDirectChunk(chunk, chunks);
    case op.GROUPED_WHOLE:
      return groupedWholeChunk(chunk, chunks);
    default:
      unreachable();
  }
}

/** Serial: arguments are the function's parameters. */
function runAlone(id: i32): void {
  switch (id) {
    case op.SORT_BY_KEY:
      sortByKey(argP(0), argI(1), argI(2), argP(3), argP(4));
      break;
    case op.INVERT_ORDER:
      invertOrder(argP(0), argP(1), argP(2), argI(3), argI(4));
      break;
    default:
      unreachable();
  }
}

/** Arguments: units, alignment of chunk borders, then the function's parameters. */
function runPointwise(id: i32, chunk: i32, chunks: i32): void {
  const from = rangeStart(argI(0), chunk, chunks, argI(1));
  const to = rangeStart(argI(0), chunk + 1, chunks, argI(1));
  switch (id) {
    case op.RMS_NORM:
      return rmsNorm(argP(2), argP(3), argP(4), argI(5), argF(6), from, to);
    case op.RMS_NORM_GRAD:
      return rmsNormGrad(argP(2), argP(3), argP(4), argP(5), argP(6), argI(7), argI(8), argI(0), argF(9), from, to);
    case op.SUM_PARTS:
      return sumParts(argP(2), argP(3), argI(4), argI(5), from, to);
    case op.LAYER_NORM:
      return layerNorm(argP(2), argP(3), argP(4), argP(5), argI(6), argF(7), from, to);
    case op.LAYER_NORM_GRAD:
      return layerNormGrad(argP(2), argP(3), argP(4), argP(5), argP(6), argI(7), argI(8), argI(0), argF(9), from, to);
    case op.ROPE:
      return rope(argP(2), argP(3), argP(4), argP(5), argP(6), argI(7), argI(8), argF(9), from, to);
    case op.SWIGLU:
      return swiglu(argP(2), argP(3), argP(4), from, to);
    case op.SWIGLU_GRAD:
      return swigluGrad(argP(2), argP(3), argP(4), argP(5), argP(6), from, to);
    case op.GELU:
      return gelu(argP(2), argP(3), argI(4), from, to);
    case op.GELU_GRAD:
      return geluGrad(argP(2), argP(3), argP(4), argI(5), from, to);
    default:
      unreachable();
  }
}

/** Arguments as for runPointwise. */
function runRows(id: i32, chunk: i32, chunks: i32): void {
  const from = rangeStart(argI(0), chunk, chunks, argI(1));
  const to = rangeStart(argI(0), chunk + 1, chunks, argI(1));
  switch (id) {
    case op.GATHER_ROWS:
      return gatherRows(argP(2), argP(3), argP(4), argI(5), from, to);
    case op.SCATTER_ROWS:
      return scatterRows(argP(2), argP(3), argP(4), argP(5), argI(6), from, to);
    case op.CROSS_ENTROPY:
      return crossEntropy(argP(2), argP(3), argP(4), argP(5), argI(6), from, to);
    case op.CROSS_ENTROPY_GRAD:
      return crossEntropyGrad(argP(2), argP(3), argP(4), argP(5), argP(6), argI(7), from, to);
    case op.CROSS_ENTROPY_SLOPES:
      return crossEntropySlopes(argP(2), argP(3), argP(4), argI(5), argF(6), argF(7), from, to);
    case op.SOFTCAP:
      return softcapRows(argP(2), argI(3), argF(4), from, to);
    case op.TOP_K:
      return topK(argP(2), argP(3), argP(4), argI(5), argI(6), from, to);
    case op.COMBINE_ROWS:
      return combineRows(argP(2), argP(3), argP(4), argP(5), argI(6), argI(7), from, to);
    case op.COMBINE_ROWS_GRAD:
      return combineRowsGrad(argP(2), argP(3), argP(4), argP(5), argP(6), argP(7), argI(8), argI(9), from, to);
    case op.CAUSAL_MEAN:
      return causalMean(argP(2), argP(3), argP(4), argI(5), argI(6), from, to);
    case op.RUN_COUNTS:
      return runCounts(argP(2), argP(3), argI(4), from, to);
    case op.CAUSAL_MEAN_GRAD:
      return causalMeanGrad(argP(2), argP(3), argP(4), argI(5), argI(6), from, to);
    case op.SUM_SQUARES:
      return sumSquares(argP(2), argI(3), argP(4), from, to);
    case op.ROOT_OF_SUM:
      return rootOfSum(argP(2), argI(3), argP(4));
    case op.ADAM_W:
      return adamW(argP(2), argI(3), argP(4), argP(5), from, to);
    default:
      unreachable();
  }
}

/** Arguments as for runPointwise. */
function runGate(id: i32, chunk: i32, chunks: i32): void {
  const from = rangeStart(argI(0), chunk, chunks, argI(1));
  const to = rangeStart(argI(0), chunk + 1, chunks, argI(1));
  switch (id) {
    case op.RMS_NORMALIZE_SUM:
      return rmsNormalizeSum(argP(2), argP(3), argP(4), argI(5), argF(6), from, to);
    case op.RMS_NORMALIZE_SUM_GRAD:
      return rmsNormalizeSumGrad(argP(2), argP(3), argP(4), argP(5), argI(6), argF(7), from, to);
    case op.GATED_BLEND:
      return gatedBlend(argP(2), argP(3), argP(4), argP(5), argP(6), argI(7), from, to);
    case op.GATED_BLEND_GRAD:
      return gatedBlendGrad(argP(2), argP(3), argP(4), argP(5), argP(6), argP(7), argP(8), argI(9), from, to);
    case op.GATE_WEIGHT:
      return gateWeight(
        argP(2),
        argP(3),
        argP(4),
        argP(5),
        argP(6),
        argP(7),
        argP(8),
        argP(9),
        argP(10),
        argI(11),
        from,
        to,
      );
    case op.GATE_WEIGHT_GRAD:
      return gateWeightGrad(
        argP(2),
        argP(3),
        argP(4),
        argP(5),
        argP(6),
        argP(7),
        argP(8),
        argI(9),
        argI(10),
        argI(0),
        from,
        to,
      );
    case op.GATE_PRIOR:
      return gatePrior(argP(2), argP(3), argP(4), argP(5), argI(6), argI(7), argI(8), argI(9), from, to);
    case op.GATE_PRIOR_SUM:
      return gatePriorSum(argP(2), argI(3), argP(4), argP(5), argF(6), argF(7));
    case op.GATE_PRIOR_GRAD:
      return gatePriorGrad(
        argP(2),
        argP(3),
        argP(4),
        argP(5),
        argP(6),
        argP(7),
        argI(8),
        argI(9),
        argF(10),
        argF(11),
        from,
        to,
      );
    case op.CHOSEN_WEIGHTS:
      return chosenWeights(argP(2), argP(3), argI(4), argI(5), argI(6), from, to);
    case op.CHOSEN_WEIGHTS_GRAD:
      return chosenWeightsGrad(argP(2), argP(3), argP(4), argP(5), argI(6), argI(7), argI(8), from, to);
    case op.WEIGHTED_ROWS_GRAD:
      return weightedRowsGrad(
        argP(2),
        argP(3),
        argP(4),
        argP(5),
        argP(6),
        argP(7),
        argI(8),
        argI(9),
        argI(10),
        from,
        to,
      );
    case op.COUNT_ASSIGNMENTS:
      return countAssignments(argP(2), argP(3), argP(4), argI(5), argI(6), argI(7));
    case op.ROUTER_LOSS:
      return routerLoss(argP(2), argP(3), argP(4), argP(5), argI(6), argI(7), argI(8), from, to);
    case op.ROUTER_LOSS_SUM:
      return routerLossSum(argP(2), argI(3), argP(4), argI(5), argP(6), argP(7));
    case op.ROUTER_LOSS_GRAD:
      return routerLossGrad(argP(2), argP(3), argP(4), argP(5), argP(6), argP(7), argI(8), from, to);
    case op.TAKE_COLUMNS:
      return takeColumns(argP(2), argP(3), argP(4), argI(5), argI(6), from, to);
    case op.ADD_TO_COLUMNS:
      return addToColumns(argP(2), argP(3), argP(4), argI(5), argI(6), from, to);
    default:
      unreachable();
  }
}
