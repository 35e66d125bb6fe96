/** Text of tokens as they come. */
export interface TextStream {
  /** Adds a token. `true`: a stop string is reached, and nothing more will be shown. */
  push(token: number): boolean;
  /** Shows what was held back, and gives all text that was shown. */
  end(): string;
}

/** Tokens of the prompt that are decoded with the first new ones, because a token's text may depend on those before it. */
const CONTEXT = 5;

/** Bytes at the end that are no whole character are decoded to U+FFFD. */
const INCOMPLETE = /\ufffd+$/;

/** Length of the longest end of a text that may be the beginning of one of the words. */
function overlap(text: string, words: readonly string[]): number {
  const longest = Math.max(0, ...words.map(({ length }) => length - 1));
  for (let size = Math.min(longest, text.length); size > 0; size--) {
    const end = text.slice(text.length - size);
    if (words.some((word) => word.startsWith(end))) return size;
  }
  return 0;
}

function firstIndex(text: string, words: readonly string[]): number {
  const found = words.map((word) => text.indexOf(word)).filter((index) => index >= 0);
  return found.length === 0 ? -1 : Math.min(...found);
}

/**
 * Turns tokens into text as they come. Characters are held back until all their bytes are there, and ends of the text
 * until they are known to begin no stop string; neither a stop string nor part of a character is ever shown. Decodes the
 * newest few tokens only.
 */
export function textStream(
  decode: (ids: readonly number[]) => string,
  promptIds: readonly number[],
  stop: readonly string[],
  onText: (text: string) => void,
): TextStream {
  let ids = promptIds.slice(-CONTEXT);
  /** Leading tokens of `ids` whose text was handed on. */
  let read = ids.length;
  let [held, shown, isStopped] = ['', '', false];
  const show = (text: string): void => {
    if (text === '') return;
    shown += text;
    onText(text);
  };
  const feed = (piece: string): void => {
    held += piece;
    const at = firstIndex(held, stop);
    isStopped = at >= 0;
    const ready = isStopped ? at : held.length - overlap(held, stop);
    show(held.slice(0, ready));
    held = isStopped ? '' : held.slice(ready);
  };
  const unread = (text: string): string => text.slice(decode(ids.slice(0, read)).length);
  return {
    push(token) {
      if (isStopped) return true;
      ids.push(token);
      const text = decode(ids);
      if (INCOMPLETE.test(text)) return false;
      const piece = unread(text);
      ids = ids.slice(read);
      read = ids.length;
      feed(piece);
      return isStopped;
    },
    end() {
      if (isStopped) return shown;
      feed(unread(decode(ids).replace(INCOMPLETE, '')));
      show(held);
      held = '';
      return shown;
    },
  };
}
