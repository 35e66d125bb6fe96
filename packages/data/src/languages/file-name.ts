/** Names that Windows gives to devices, with any ending; `CON.jsonl` opens the console. */
const DEVICE = /^(con|prn|aux|nul|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³])(?=\.|$)/i;

/**
 * A file name for a language code (or any text) that stays in its folder on every system: what is neither letter, digit,
 * `-` nor `_` becomes `%` and its UTF-8 bytes in hexadecimal, and the names of Windows's devices get a `_` behind them.
 * Codes of the usual shape stay as they are.
 */
export function fileNameOf(code: string): string {
  const escaped = [...new TextEncoder().encode(code)]
    .map((byte) => {
      const character = String.fromCharCode(byte);
      return /[A-Za-z0-9_-]/.test(character)
        ? character
        : `%${byte.toString(16).padStart(2, '0').toUpperCase()}`;
    })
    .join('');
  return escaped.replace(DEVICE, '$1_');
}
