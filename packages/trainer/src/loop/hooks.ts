import type { Callback, Json } from '@moect/core';

type Hook = 'onStart' | 'onStep' | 'onStatistics' | 'onEvaluate' | 'onCheckpoint' | 'onEnd';

/** Calls one hook of every callback, in order. Gives true when one of them says `stop`. */
export async function callHooks<Name extends Hook>(
  callbacks: readonly Callback[],
  name: Name,
  ...args: Parameters<NonNullable<Callback[Name]>>
): Promise<boolean> {
  let stop = false;
  for (const callback of callbacks) {
    const hook = callback[name] as ((...args: unknown[]) => unknown) | undefined;
    if ((await hook?.apply(callback, args)) === 'stop') stop = true;
  }
  return stop;
}

export function saveCallbacks(callbacks: readonly Callback[]): Record<string, Json> {
  const states: Record<string, Json> = {};
  for (const callback of callbacks) {
    if (callback.saveState !== undefined) states[callback.name] = callback.saveState();
  }
  return states;
}

export function loadCallbacks(callbacks: readonly Callback[], states: Readonly<Record<string, Json>>): void {
  for (const callback of callbacks) {
    const state = states[callback.name];
    if (state !== undefined) callback.loadState?.(state);
  }
}
