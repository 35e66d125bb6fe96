// NOTE to the owner of this folder: the core build overwrote this file by mistake at 02:11. It was rebuilt from
// the export list of /tmp/f.wasm (all exports in the same order); please check it and delete this note.
export * from './activations';
export * from './causal-mean';
export * from './cross-entropy';
export * from './norms';
export * from './optimizer';
export * from './rope';
export * from './rows';
export * from './top-k';
