import { type Extension, InvalidConfigError, type Settings } from '@moect/core';
import { type NgramTable, numbersIn } from '@moect/experts';
import { createRng } from '@moect/tensor';
import type { Base } from '../base/base.ts';
import { placedBelow, problemAt } from '../config/key-path.ts';
import { mergeSettings } from '../parts/moect.ts';
import { LARGE_BASE, PACK_SHARE, type Preset } from '../presets/preset.ts';
import { type PackedText, tokenCounts, usedTokens } from './pack-text.ts';
import { rememberText } from './remember-text.ts';
import type { RunInput } from './run-input.ts';
import { leavesWidthOpen, tokensFor, widthFor, withWidth } from './size-pack.ts';

/** What a pack of a run is made of. */
export interface AttachedPack {
  readonly extension: Extension;
  /** null: it counts no n-grams. */
  readonly ngrams: NgramTable | null;
}

/** A preset as a base gets it, and the size of its pack as a share of the base; null: what the preset takes. */
export interface FittedPreset {
  readonly preset: Preset;
  readonly packSize: number | null;
}

/** The form of a preset that suits a base. Throws InvalidConfigError for a size that the preset cannot have. */
export function fitPreset(
  preset: Preset,
  { parameterCount, model }: Pick<Base, 'parameterCount' | 'model'>,
  { settings, origin }: Pick<RunInput, 'settings' | 'origin'>,
): FittedPreset {
  const { packSize: asked } = settings;
  const { large } = preset;
  if (large === undefined && asked != null) {
    const message = `is ${asked}, but what '${preset.name}' trains has a size of its own`;
    throw new InvalidConfigError(
      origin.name,
      [problemAt(origin, ['packSize'], message)],
      'Leave it out, or use moe-ct or moe-ct-mixture.',
    );
  }
  if (large === undefined || asked === null) return { preset, packSize: null };
  if (asked === undefined && parameterCount < LARGE_BASE) return { preset, packSize: null };
  return { preset: { ...preset, ...large(model) }, packSize: asked ?? PACK_SHARE };
}

/** A method knows no texts, so the run says which tokens they use: as many as the pack has room for. */
function withTokens(
  settings: Settings,
  packed: PackedText,
  { model }: Base,
  mostParameters: number,
): Settings {
  if (settings['tokenRows'] !== 'used') return settings;
  const tokenRows = Number.isFinite(mostParameters)
    ? tokensFor(tokenCounts(packed), { hiddenSize: model.hiddenSize, mostParameters })
    : usedTokens(packed, 'new');
  return { ...settings, tokenRows };
}

/** Counts the new text's n-grams where they are wanted, and attaches an extension of the size that is left. */
export function attachPack(
  { settings, origin }: RunInput,
  { preset, packSize }: FittedPreset,
  base: Base,
  { packed, sequences }: { readonly packed: PackedText; readonly sequences: number },
): AttachedPack {
  const { model, moect, parameterCount } = base;
  const room = packSize === null ? null : Math.floor(packSize * parameterCount);
  const ngrams =
    (settings.ngrams ?? preset.ngrams ?? false) ? rememberText(packed, { sequences, room }) : null;
  const mostParameters = (room ?? Number.POSITIVE_INFINITY) - (ngrams === null ? 0 : numbersIn(ngrams));
  const given = mergeSettings(preset.config, settings.method);
  const merged = withTokens(given, packed, base, mostParameters);
  const attach = (config: Settings): Extension => {
    const rng = createRng(settings.training.seed).fork('extension');
    return moect.method(preset.method).attach(model, config, rng);
  };
  try {
    const isOpen = Number.isFinite(mostParameters) && leavesWidthOpen(merged);
    const width = isOpen ? widthFor((size) => attach(withWidth(merged, size)), mostParameters) : null;
    return { extension: attach(width === null ? merged : withWidth(merged, width)), ngrams };
  } catch (error) {
    throw placedBelow(error, origin, ['method']);
  }
}
