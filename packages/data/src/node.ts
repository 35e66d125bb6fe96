export { type FileCorpusOptions, fileCorpus, formatOfFile } from './node/file-corpus.ts';
export { type FolderLanguage, folderCorpora } from './node/folder-corpora.ts';
export { readTokenCache, writeTokenCache } from './node/token-cache-file.ts';
