import type { ParamTree, Rng, Tensor } from './tensor.ts';

export interface ExpertDims {
  readonly hiddenSize: number;
  readonly numExperts: number;
}

/** A base model's own feed-forward weights, [out, in] as Hugging Face stores them. */
export interface BaseFfn {
  /** [intermediateSize, hiddenSize] */
  readonly gateProj: Tensor;
  /** [intermediateSize, hiddenSize] */
  readonly upProj: Tensor;
  /** [hiddenSize, intermediateSize] */
  readonly downProj: Tensor;
}

/** All experts of one layer. Parameters are stacked: their first dimension is the expert. */
export interface Expert {
  readonly contract: 'expert/1';
  readonly name: string;
  init(rng: Rng, dims: ExpertDims, baseFfn?: BaseFfn): ParamTree;
  /**
   * @param rows [rows, hiddenSize], grouped by expert
   * @param offsets [numExperts + 1] int32: expert e owns rows offsets[e] … offsets[e+1] − 1
   * @returns [rows, hiddenSize]
   */
  apply(params: ParamTree, rows: Tensor, offsets: Tensor): Tensor;
}
