/** 1.5e9 → `1.40 GiB`; below a tenth of it in MiB. */
export function gibibytes(bytes: number): string {
  const gib = bytes / 2 ** 30;
  return gib >= 0.1 ? `${gib.toFixed(2)} GiB` : `${(bytes / 2 ** 20).toFixed(1)} MiB`;
}

/** 3723 → `1 h 2 min`. */
export function duration(seconds: number): string {
  if (seconds < 60) return `${seconds < 10 ? seconds.toPrecision(2) : Math.round(seconds)} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return `${hours} h ${minutes % 60} min`;
  return `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

/** 1234567 → `1,234,567`. */
export const grouped = (value: number): string => Math.round(value).toLocaleString('en-US');

/** 0.0123 → `+1.23 %`. */
export function signedPercent(share: number, digits = 2): string {
  const text = (100 * share).toFixed(digits);
  return `${share >= 0 ? '+' : ''}${text} %`;
}
