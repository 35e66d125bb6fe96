export { type ByteSource, bytesSource } from './byte-source.ts';
export type { HostTensor, SafetensorsDType } from './dtype.ts';
export type { SafetensorsEntry } from './header.ts';
export { refuseMistaken } from './mistaken-file.ts';
export { readSafetensors, type SafetensorsFile } from './read-safetensors.ts';
export { storeOf, storeOfTensors, type TensorStore } from './tensor-store.ts';
export { safetensorsPieces, type WriteOptions, writeSafetensors } from './write-safetensors.ts';
