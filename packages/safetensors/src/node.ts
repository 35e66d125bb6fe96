export { digestFile, type FileDigest, syncFolder, writeDurable } from './node/durable-files.ts';
export { type FileSource, fileSource, type OpenSafetensors, openSafetensors } from './node/file-source.ts';
export { readJsonFile } from './node/read-json.ts';
export {
  type ReplaceFolderOptions,
  removeFolder,
  renamePatiently,
  replaceFolder,
} from './node/replace-folder.ts';
export { writeFileAtomic, writeJsonAtomic, writeSafetensorsFile } from './node/write-atomic.ts';
