function sourceOf(glob: string): string {
  return glob.replace(/\*\*|[*?]|\{[^{}]*\}|[.+^$()|[\]\\{}]/g, (token) => {
    if (token === '**') return '.*';
    if (token === '*') return '[^.]*';
    if (token === '?') return '[^.]';
    if (token.length > 1) return `(?:${token.slice(1, -1).split(',').map(sourceOf).join('|')})`;
    return `\\${token}`;
  });
}

/**
 * Regular expression of a glob over dotted parameter names: `*` and `?` stay inside one part of the name, `**`
 * crosses dots, `{a,b}` takes either. Everything else stands for itself.
 */
export function globToRegExp(glob: string): RegExp {
  return new RegExp(`^${sourceOf(glob)}$`);
}
