export interface Program {
  /** Line of the opening fence, counted from 1. */
  readonly line: number;
  readonly language: 'js' | 'ts';
  readonly code: string;
  /** The next block, if it is a ```text block: the program's output. */
  readonly output?: string;
}

interface Block {
  readonly line: number;
  readonly info: string;
  readonly text: string;
}

function blocksOf(markdown: string): Block[] {
  const blocks: Block[] = [];
  let open: { line: number; info: string; lines: string[] } | null = null;
  for (const [i, line] of markdown.split('\n').entries()) {
    const fence = /^```(.*)$/.exec(line);
    if (fence === null) open?.lines.push(line);
    else if (open === null) open = { line: i + 1, info: fence[1]!.trim(), lines: [] };
    else {
      blocks.push({ line: open.line, info: open.info, text: open.lines.join('\n') });
      open = null;
    }
  }
  if (open !== null) throw new Error(`The code block of line ${open.line} is never closed.`);
  return blocks;
}

/** Programs of a Markdown file: its js and ts blocks, without those marked as an `excerpt`. */
export function programsOf(markdown: string): Program[] {
  const blocks = blocksOf(markdown);
  return blocks.flatMap(({ line, info, text }, i): Program[] => {
    if (info !== 'js' && info !== 'ts') return [];
    const next = blocks[i + 1];
    return [{ line, language: info, code: text, ...(next?.info === 'text' && { output: next.text }) }];
  });
}
