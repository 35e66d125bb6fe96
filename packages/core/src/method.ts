import type { Attachments, BaseModel } from './base-model.ts';
import type { Json, ParamMap, Rng, Variable } from './tensor.ts';

export interface BaseIdentity {
  /** Folder name or hub id, for people. */
  readonly id: string;
  readonly revision: string | null;
  /** Digest of all base parameters; extensions are checked against it. */
  readonly sha256: string;
}

/** The small trainable part. It owns its variables; the base does not change. */
export interface Extension {
  readonly contract: 'extension/1';
  readonly method: string;
  /** Configuration given to `Method.attach`, defaults filled in; enough to attach again. */
  readonly config: Readonly<Record<string, Json | undefined>>;
  /** Trained variables. Nothing else gets a gradient, optimizer state or weight decay. */
  readonly parameters: ParamMap<Variable>;
  readonly attachments: Attachments;
  /** Default τ of its gates, if a pass names none; null: off. Absent if no gate has a threshold. */
  readonly gateThreshold?: number | null;
  /** Base parameters replaced by variables of this extension; empty for methods that freeze. */
  readonly overrides: ParamMap<Variable>;
  dispose(): void;
}

/** A set of attachments to sites plus the list of trained parameters (MoE-CT, LoRA-CT, full CT, …). */
export interface Method<Config = Readonly<Record<string, Json | undefined>>> {
  readonly contract: 'method/1';
  readonly name: string;
  /** Throws InvalidConfigError with every problem at once. */
  attach(base: BaseModel, config: Config, rng: Rng): Extension;
}
