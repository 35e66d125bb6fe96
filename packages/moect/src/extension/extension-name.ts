/** What an extension is called: its folder, or its run where the folder is `RUN/extension`. */
export function extensionName(folder: string): string {
  const parts = folder.split(/[/\\]/).filter((part) => part !== '' && part !== '.');
  const last = parts.at(-1) ?? 'extension';
  return last === 'extension' ? (parts.at(-2) ?? last) : last;
}
