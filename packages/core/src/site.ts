/** Function of a linear layer inside its block. Fused layers have a role of their own. */
export type LinearRole =
  | 'attention-query'
  | 'attention-key'
  | 'attention-value'
  | 'attention-query-key-value'
  | 'attention-output'
  | 'ffn-gate'
  | 'ffn-up'
  | 'ffn-down';

/** Roles of the linears of attention. */
export const ATTENTION_ROLES: readonly LinearRole[] = [
  'attention-query',
  'attention-key',
  'attention-value',
  'attention-query-key-value',
  'attention-output',
];

interface SitePlace {
  /** For example `model.layers.3.mlp`, `model.layers.3.self_attn.q_proj`, `model.layers.3`, `lm_head`. */
  readonly name: string;
  /** Layer number, or null for the head. */
  readonly layer: number | null;
  /** Widths of input and output. */
  readonly inSize: number;
  readonly outSize: number;
}

export interface LinearSite extends SitePlace {
  readonly kind: 'linear';
  readonly role: LinearRole;
}

/** A place where an extension may attach. Names are Hugging Face module paths. */
export type Site = LinearSite | (SitePlace & { readonly kind: 'ffn' | 'block' | 'head' });
