import { type Extension, InvalidConfigError, type Settings } from '@moect/core';
import { countParameters } from '@moect/freeze';

/** Widths of experts are multiples of it: kernels are at full speed there. */
const STEP = 16;

const expertOf = (settings: Settings): Settings => settings['expert'] as Settings;

/** Whether a size of the pack decides the width of its experts. */
export const leavesWidthOpen = (settings: Settings): boolean => {
  const expert = settings['expert'];
  const isComponent = typeof expert === 'object' && expert !== null && !Array.isArray(expert);
  if (!isComponent) return false;
  const { init, size } = expertOf(settings);
  return size == null && (init === 'zero-down' || init === 'slice-zero-down');
};

/** The settings with experts of a width. */
export const withWidth = (settings: Settings, size: number): Settings => ({
  ...settings,
  expert: { ...expertOf(settings), size },
});

/**
 * The largest width of experts with which an extension has at most so many parameters.
 * Throws InvalidConfigError where not even the least width fits.
 */
export function widthFor(attach: (size: number) => Extension, mostParameters: number): number {
  const countAt = (size: number): number => {
    const extension = attach(size);
    const count = countParameters(extension.parameters);
    extension.dispose();
    return count;
  };
  const [least, more] = [countAt(STEP), countAt(2 * STEP)];
  if (least <= mostParameters) return STEP * (1 + Math.floor((mostParameters - least) / (more - least)));
  const message = `leaves room for ${mostParameters.toLocaleString('en-US')} parameters, and the smallest pack has ${least.toLocaleString('en-US')}`;
  throw new InvalidConfigError(
    'packSize',
    [{ path: 'packSize', message }],
    'Give more room, or fewer layers with --layers top:N.',
  );
}

/** Share of a pack's room that rows of tokens may take. */
const ROWS_SHARE = 0.4;

/** The most frequent of some tokens whose rows, in the stream and in the head, fit into a pack; ascending. */
export function tokensFor(
  counts: ReadonlyMap<number, number>,
  { hiddenSize, mostParameters }: { readonly hiddenSize: number; readonly mostParameters: number },
): number[] {
  const most = Math.max(1, Math.floor((ROWS_SHARE * mostParameters) / (2 * hiddenSize)));
  const byCount = [...counts].sort(([a, x], [b, y]) => y - x || a - b);
  return byCount
    .slice(0, most)
    .map(([token]) => token)
    .sort((a, b) => a - b);
}
