export { digestFile, type FileDigest, syncFolder, writeDurable } from './node/durable-files.ts';
export { type FileSource, fileSource, pathSource } from './node/file-source.ts';
export { type OpenGguf, type OpenSafetensors, openGguf, openSafetensors } from './node/open-files.ts';
export { readJsonFile } from './node/read-json.ts';
export { writeFileAtomic, writeJsonAtomic, writeSafetensorsFile } from './node/write-atomic.ts';
