import { readFileSync } from 'node:fs';

/** Weights by Hugging Face name with their shapes. */
export type PlainWeights = ReadonlyMap<
  string,
  { readonly shape: readonly number[]; readonly data: ArrayLike<number> }
>;

interface PlainConfig {
  readonly hidden_size: number;
  readonly num_hidden_layers: number;
  readonly num_attention_heads: number;
  readonly num_key_value_heads: number;
  readonly rms_norm_eps: number;
  readonly rope_theta: number;
  readonly vocab_size: number;
}

const silu = (x: number): number => x / (1 + Math.exp(-x));

function norm(x: number[], weight: ArrayLike<number>, eps: number): number[] {
  const inverse = 1 / Math.sqrt(x.reduce((sum, value) => sum + value * value, 0) / x.length + eps);
  return x.map((value, i) => value * inverse * weight[i]!);
}

function product(x: number[], weight: { shape: readonly number[]; data: ArrayLike<number> }): number[] {
  const [out, input] = weight.shape as [number, number];
  return Array.from({ length: out }, (_, row) =>
    x.reduce((sum, value, i) => sum + value * weight.data[row * input + i]!, 0),
  );
}

/** One head's vector turned by its position, pairs (i, i + half). */
function turn(x: number[], position: number, theta: number): number[] {
  const half = x.length / 2;
  return x.map((value, i) => {
    const pair = i % half;
    const angle = position * theta ** (-pair / half);
    const other = i < half ? -x[i + half]! : x[i - half]!;
    return value * Math.cos(angle) + other * Math.sin(angle);
  });
}

/**
 * Logits of a plain Llama in float64, token by token in nested loops: it shares no code with the model under test.
 * @returns [tokens][vocabSize]
 */
export function float64Llama(
  config: PlainConfig,
  weights: PlainWeights,
  tokens: readonly number[],
): number[][] {
  const {
    hidden_size: size,
    num_attention_heads: heads,
    num_key_value_heads: keyHeads,
    rms_norm_eps: eps,
  } = config;
  const headDim = size / heads;
  const at = (name: string): { shape: readonly number[]; data: ArrayLike<number> } => weights.get(name)!;
  const table = at('model.embed_tokens.weight').data;
  let stream = tokens.map((id) => Array.from({ length: size }, (_, i) => table[id * size + i]!));
  const cut = (x: number[], head: number): number[] => x.slice(head * headDim, (head + 1) * headDim);
  for (let layer = 0; layer < config.num_hidden_layers; layer++) {
    const p = `model.layers.${layer}.`;
    const normed = stream.map((x) => norm(x, at(`${p}input_layernorm.weight`).data, eps));
    const turned = (name: string, count: number): number[][][] =>
      normed.map((x, t) => {
        const all = product(x, at(`${p}self_attn.${name}_proj.weight`));
        return Array.from({ length: count }, (_, h) => turn(cut(all, h), t, config.rope_theta));
      });
    const [queries, keys] = [turned('q', heads), turned('k', keyHeads)];
    const values = normed.map((x) => product(x, at(`${p}self_attn.v_proj.weight`)));
    const attended = normed.map((_, t) => {
      return Array.from({ length: heads }, (_, h) => {
        const group = Math.floor(h / (heads / keyHeads));
        const scores = Array.from({ length: t + 1 }, (_, s) => {
          const dot = queries[t]![h]!.reduce((sum, q, i) => sum + q * keys[s]![group]![i]!, 0);
          return Math.exp(dot / Math.sqrt(headDim));
        });
        const total = scores.reduce((a, b) => a + b, 0);
        return Array.from({ length: headDim }, (_, i) =>
          scores.reduce((sum, score, s) => sum + (score / total) * cut(values[s]!, group)[i]!, 0),
        );
      }).flat();
    });
    stream = stream.map((x, t) => {
      const mixed = product(attended[t]!, at(`${p}self_attn.o_proj.weight`));
      const residual = x.map((value, i) => value + mixed[i]!);
      const z = norm(residual, at(`${p}post_attention_layernorm.weight`).data, eps);
      const up = product(z, at(`${p}mlp.up_proj.weight`));
      const inner = product(z, at(`${p}mlp.gate_proj.weight`)).map((gate, i) => silu(gate) * up[i]!);
      const f = product(inner, at(`${p}mlp.down_proj.weight`));
      return residual.map((value, i) => value + f[i]!);
    });
  }
  const head = at(weights.has('lm_head.weight') ? 'lm_head.weight' : 'model.embed_tokens.weight');
  return stream.map((x) => product(norm(x, at('model.norm.weight').data, eps), head));
}

export function readPlainConfig(path: string): PlainConfig {
  return JSON.parse(readFileSync(path, 'utf8')) as PlainConfig;
}
