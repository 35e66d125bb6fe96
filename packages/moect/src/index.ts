export { openBase } from './base/open-base.ts';
export type { MoectConfig, RunSettings } from './config/schema.ts';
export { trainConfig } from './config/train-config.ts';
export { type Examination, examine } from './doctor/examine.ts';
export * from './front-door.ts';
export { loadParts } from './parts/load-parts.ts';
