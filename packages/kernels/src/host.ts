export { environmentChoice } from './host/environment-choice.ts';
export { nodeBuiltin } from './host/node-builtin.ts';
export { threadCount } from './host/thread-count.ts';
export { userCacheFolder } from './host/user-cache-folder.ts';
