export { openBase } from './base/open-base-url.ts';
export type { RunSettings } from './config/schema.ts';
export * from './front-door.ts';
