/**
 * Gives signal handlers, timers and heartbeats a turn: tensor operations block the event loop, and awaiting
 * their values need not leave it.
 */
export function yieldToHost(): Promise<void> {
  const { setImmediate } = globalThis as { setImmediate?: (run: () => void) => unknown };
  return new Promise((resolve) => {
    if (setImmediate === undefined) setTimeout(resolve);
    else setImmediate(resolve);
  });
}
