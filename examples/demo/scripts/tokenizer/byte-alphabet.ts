/**
 * GPT-2's printable stand-in for each byte: printable Latin-1 bytes stand for themselves,
 * the other 68 for the code points from 256 on, in order.
 */
export const byteCharacters: readonly string[] = (() => {
  const printable = (byte: number): boolean =>
    (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
  let next = 256;
  return Array.from({ length: 256 }, (_, byte) => String.fromCodePoint(printable(byte) ? byte : next++));
})();

/** GPT-2's split into pieces that merges never cross. */
export const gpt2Pieces: RegExp = /'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+/gu;
