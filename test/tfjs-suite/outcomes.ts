export interface SpecOutcome {
  readonly name: string;
  readonly status: 'passed' | 'failed' | 'pending' | 'excluded';
  readonly messages: readonly string[];
}

/** Outcomes by name; the second spec of one name becomes "name (2)". */
export function byName(outcomes: readonly SpecOutcome[]): Map<string, SpecOutcome> {
  const found = new Map<string, SpecOutcome>();
  const times = new Map<string, number>();
  for (const outcome of outcomes) {
    const time = (times.get(outcome.name) ?? 0) + 1;
    times.set(outcome.name, time);
    found.set(time === 1 ? outcome.name : `${outcome.name} (${time})`, outcome);
  }
  return found;
}

/** Specs that pass in `reference` and do not in `other`, with their first message. */
export function lost(
  reference: readonly SpecOutcome[],
  other: readonly SpecOutcome[],
): { name: string; message: string }[] {
  const others = byName(other);
  return [...byName(reference)].flatMap(([name, { status }]) => {
    const outcome = others.get(name);
    if (status !== 'passed' || outcome?.status === 'passed') return [];
    return [{ name, message: outcome?.messages[0] ?? outcome?.status ?? 'did not run' }];
  });
}

/** "4227 passed, 5 pending" */
export function counts(outcomes: readonly SpecOutcome[]): string {
  const numbers = new Map<string, number>();
  for (const { status } of outcomes) numbers.set(status, (numbers.get(status) ?? 0) + 1);
  return [...numbers].map(([status, n]) => `${n} ${status}`).join(', ');
}
