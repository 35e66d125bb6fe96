import type { Report, ReportMethod } from '../schema/report.ts';

/**
 * Share of the tokens of all old languages, over the runs of a method, whose logits equal the base's bit for bit; null
 * where that was not measured.
 */
export function bitEqualShare(
  { languages }: Pick<Report, 'languages'>,
  runs: readonly Pick<ReportMethod, 'logits'>[],
): number | null {
  const old = languages.filter(({ role }) => role === 'old').map(({ code }) => code);
  let [equal, tokens] = [0, 0];
  for (const { logits } of runs) {
    for (const code of old) {
      equal += logits?.[code]?.bitEqualTokens ?? 0;
      tokens += logits?.[code]?.tokens ?? 0;
    }
  }
  return tokens === 0 ? null : equal / tokens;
}
