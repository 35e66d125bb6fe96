import { type Batch, NonFiniteError, type Tensor } from '@moect/core';
import { concat, reshape, tidy } from '@moect/tensor';

/** Numbers of one optimizer step on the host, summed in float64. */
export interface StepLosses {
  /** Nats a token. */
  readonly loss: number;
  readonly auxLosses: Record<string, number>;
  readonly gradientNorm: number;
  /** Nats a token, by language code; languages without a target in this step are absent. */
  readonly lossByLanguage: Record<string, number>;
}

interface Pass {
  readonly tokenLosses: Tensor;
  readonly auxLosses: Readonly<Record<string, Tensor>>;
}

interface StepPlace {
  /** Number of the step, counted from 1. */
  readonly step: number;
  readonly firstCounter: number;
  readonly batches: readonly Batch[];
  readonly languages: readonly { readonly code: string }[];
}

/** The only read of a step: gradient norm, auxiliary losses and token losses in one array. */
async function readTogether(gradientNorm: Tensor, passes: readonly Pass[]): Promise<Float32Array> {
  const parts = [
    gradientNorm,
    ...passes.flatMap((pass) => [...Object.values(pass.auxLosses), pass.tokenLosses]),
  ];
  const together = tidy(() => concat(parts.map((part) => reshape(part, [part.size]))));
  const values = await together.data();
  together.dispose();
  return values as Float32Array;
}

/**
 * Loss of the step in total and by language.
 * Throws NonFiniteError naming step, batch and languages when a loss is NaN or infinite.
 */
export async function readStepLosses(
  place: StepPlace,
  gradientNorm: Tensor,
  passes: readonly Pass[],
): Promise<StepLosses> {
  const values = await readTogether(gradientNorm, passes);
  const sums = new Float64Array(place.languages.length);
  const counts = new Float64Array(place.languages.length);
  const auxLosses: Record<string, number> = {};
  let total = 0;
  let tokens = 0;
  let at = 1;
  passes.forEach((pass, i) => {
    for (const name of Object.keys(pass.auxLosses)) {
      auxLosses[name] = (auxLosses[name] ?? 0) + values[at++]!;
    }
    const { targets, languageIds } = place.batches[i]!;
    for (let j = 0; j < targets.length; j++, at++) {
      if (targets[j]! < 0) continue;
      const loss = values[at]!;
      const language = languageIds[j]!;
      if (!Number.isFinite(loss)) throw nonFiniteLoss(place, i, j);
      total += loss;
      tokens++;
      if (language < 0) continue;
      sums[language]! += loss;
      counts[language]! += 1;
    }
  });
  for (const [name, value] of Object.entries(auxLosses)) {
    if (!Number.isFinite(value)) throw nonFinite(place, `Auxiliary loss '${name}'`);
  }
  const lossByLanguage: Record<string, number> = {};
  place.languages.forEach(({ code }, i) => {
    if (counts[i]! > 0) lossByLanguage[code] = sums[i]! / counts[i]!;
  });
  return { loss: total / tokens, auxLosses, gradientNorm: values[0]!, lossByLanguage };
}

function codesIn(place: StepPlace, batches: readonly Batch[]): string {
  const ids = new Set(batches.flatMap((batch) => [...new Set(batch.languageIds)]));
  const codes = [...ids].filter((id) => id >= 0).map((id) => place.languages[id]!.code);
  return codes.length === 0 ? 'none' : codes.sort().join(', ');
}

const ADVICE =
  'No weight was changed by this step; go on from the last checkpoint with a lower learning rate.';

function nonFiniteLoss(place: StepPlace, batchIndex: number, element: number): NonFiniteError {
  const batch = place.batches[batchIndex]!;
  const row = Math.floor(element / batch.sequenceLength);
  const position = element % batch.sequenceLength;
  const code = place.languages[batch.languageIds[element]!]?.code ?? 'none';
  return new NonFiniteError(
    `Loss of step ${place.step}, batch ${place.firstCounter + batchIndex} (row ${row}, position ${position}, language ${code})`,
    ADVICE,
  );
}

/** NaN or infinity that no single token is to blame for: names step, batches and languages. */
export function nonFinite(place: StepPlace, what: string): NonFiniteError {
  const last = place.firstCounter + place.batches.length - 1;
  const batches = last === place.firstCounter ? `batch ${last}` : `batches ${place.firstCounter} … ${last}`;
  return new NonFiniteError(
    `${what} of step ${place.step}, ${batches} (languages ${codesIn(place, place.batches)})`,
    ADVICE,
  );
}

export type { StepPlace };
