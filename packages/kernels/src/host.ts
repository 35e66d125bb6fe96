export { environmentChoice } from './host/environment-choice.ts';
export { nodeBuiltin } from './host/node-builtin.ts';
export { warnOfOtherCore } from './host/other-core.ts';
export { threadCount } from './host/thread-count.ts';
export { userCacheFolder } from './host/user-cache-folder.ts';
