const asRecord = (value: unknown): Record<string, unknown> =>
  typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};

/** The rules of runs from before text had settings for them: text as it stood, and whatever the share held out. */
const EARLIER = { normalization: 'none', minHeldOut: 0 } as const;

/** Whether moect wrote this record of a run before text had these settings. */
export function isEarlierRun(record: unknown): boolean {
  return 'resolved' in asRecord(record) && asRecord(asRecord(record)['data'])['normalization'] === undefined;
}

/** Settings with the rules of such a run, so that it goes on with the data that it began with. */
export function asEarlierRun<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value;
  return { ...value, data: { ...EARLIER, ...asRecord((value as { data?: unknown }).data) } };
}
