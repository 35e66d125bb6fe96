/** A path as one word of a POSIX shell. */
export function shellWord(path: string): string {
  return /^[\w./%+:@-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;
}

/** `text/swahili.txt` → `text/swahili.utf8.txt`, without .gz. */
function convertedName(source: string): string {
  const plain = source.replace(/\.gz$/i, '');
  return /\.[^./\\]+$/.test(plain) ? plain.replace(/(\.[^./\\]+)$/, '.utf8$1') : `${plain}.utf8`;
}

/** The command that converts a source to UTF-8 into a file beside it. */
export function recodeCommand(source: string, encoding: string, isGzip: boolean): string {
  const into = shellWord(convertedName(source));
  const iconv = `iconv -f ${encoding} -t UTF-8`;
  return isGzip
    ? `gzip -dc ${shellWord(source)} | ${iconv} > ${into}`
    : `${iconv} ${shellWord(source)} > ${into}`;
}
