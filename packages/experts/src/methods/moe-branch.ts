import type {
  Expert,
  FfnInput,
  FfnOutput,
  Fusion,
  ParamTree,
  Router,
  RoutingResult,
  SiteContext,
  Tensor,
} from '@moect/core';
import { add, cast, greaterEqual, mul, reshape, scalar, sum, tidy } from '@moect/tensor';
import { applySingleExpert, dispatchToExperts } from '../dispatch.ts';

export interface MoeBranch {
  /** Null for a single expert: nothing to choose. */
  readonly router: Router | null;
  readonly expert: Expert;
  readonly fusion: Fusion;
  readonly numExperts: number;
  /** Factor on all auxiliary losses: 1 ÷ number of branches, so that coefficients do not depend on depth. */
  readonly lossScale: number;
  /** What joins the experts' output, [batch, time, hiddenSize]. */
  readonly addend?: (context: SiteContext) => Tensor;
  /** Norm behind the experts, where they start as the base's FFN and it has one: m = Norm(Σ experts). */
  readonly outputNorm?: (x: Tensor) => Tensor;
  /** Subtrees `router`, `experts`, `fusion`. */
  readonly params: ParamTree;
}

const scaled = (losses: Readonly<Record<string, Tensor>>, factor: number | Tensor): Record<string, Tensor> =>
  factor === 1
    ? { ...losses }
    : Object.fromEntries(Object.entries(losses).map(([name, loss]) => [name, mul(loss, factor)]));

/** 1 for a real token, 0 for padding: [tokens] float32. */
function realTokens(context: SiteContext): Tensor {
  return reshape(cast(greaterEqual(context.documentIds, scalar(0, 'int32')), 'float32'), [-1]);
}

function route(branch: MoeBranch, hidden: Tensor, context: SiteContext): RoutingResult | null {
  if (branch.router === null) return null;
  const paddingMask = realTokens(context);
  const routing = branch.router.route(branch.params['router'] as ParamTree, hidden, {
    training: context.training,
    paddingMask,
    ...(context.languageIds && { languageIds: reshape(context.languageIds, [-1]) }),
    ...(context.rng && { rng: context.rng.fork('router') }),
  });
  // a router's losses are means over this micro-batch: weighted by its share of the step, they add up to the step's
  if (Object.keys(routing.auxLosses).length === 0) return routing;
  const { lossScale } = branch;
  const factor =
    context.normalizers === undefined
      ? lossScale
      : mul(sum(paddingMask), lossScale / Math.max(1, context.normalizers.tokens));
  return { ...routing, auxLosses: scaled(routing.auxLosses, factor) };
}

function runExperts(branch: MoeBranch, hidden: Tensor, routing: RoutingResult | null): Tensor {
  const params = branch.params['experts'] as ParamTree;
  if (routing === null) return applySingleExpert(branch.expert, params, hidden);
  return dispatchToExperts(branch.expert, params, hidden, routing, branch.numExperts);
}

/**
 * The attachment beside one FFN (docs/method.md §1): routes z to experts, and lets the fusion join a, f and m. A token's
 * result depends on that token, and through the fusion on its document's prefix, and on nothing else.
 */
export function attachBranch(branch: MoeBranch): (input: FfnInput, context: SiteContext) => FfnOutput {
  return (input, context) =>
    tidy(() => {
      const { residual, normed } = input;
      const hiddenSize = normed.shape[2]!;
      const hidden = reshape(normed, [-1, hiddenSize]);
      const routing = route(branch, hidden, context);
      const { outputNorm = (x) => x, addend } = branch;
      const routed = outputNorm(reshape(runExperts(branch, hidden, routing), normed.shape));
      const experts = addend === undefined ? routed : add(routed, addend(context));
      const { training, documentIds, roles, normalizers, gateThreshold, state } = context;
      const { fusion, expert } = branch;
      const isAdditive = expert.startsAtZero === true;
      // `base` is computed here, so that it outlives the scopes inside the fusion
      const base = isAdditive || fusion.readsBase !== false ? input.base : null;
      const fused = fusion.fuse((branch.params['fusion'] ?? {}) as ParamTree, {
        residual,
        get base() {
          return base ?? input.base;
        },
        moe: isAdditive ? add(base!, experts) : experts,
        documentIds,
        training,
        ...(roles && { roles }),
        ...(normalizers && { normalizers }),
        ...(gateThreshold !== undefined && { gateThreshold }),
        ...(state && { state }),
        ...(context.baseWeight && { baseWeightBelow: context.baseWeight }),
      });
      const { output, baseWeight } = fused;
      return {
        output,
        baseWeight,
        auxLosses: {
          ...routing?.auxLosses,
          ...scaled(fused.auxLosses, fusion.isShared === true ? 1 : branch.lossScale),
        },
        statistics: {
          baseWeight,
          ...(routing && { expertIndices: routing.expertIndices, tokensPerExpert: routing.tokensPerExpert }),
        },
        ...(fused.state && { state: fused.state }),
      };
    });
}
