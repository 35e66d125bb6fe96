/** Name of an extension: its folder, or its run if the folder is `RUN/extension`. */
export function extensionName(folder: string): string {
  const parts = folder.split(/[/\\]/).filter((part) => part !== '' && part !== '.');
  const last = parts.at(-1) ?? 'extension';
  return last === 'extension' ? (parts.at(-2) ?? last) : last;
}
