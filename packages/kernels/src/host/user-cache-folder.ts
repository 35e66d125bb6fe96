import { nodeBuiltin } from './node-builtin.ts';

/** moect's folder among the user's caches; undefined outside of Node. It need not exist. */
export function userCacheFolder(): string | undefined {
  const os = nodeBuiltin<{ homedir(): string }>('node:os');
  if (os === undefined) return undefined;
  const { env, platform } = process;
  const home = os.homedir();
  const folder =
    env['XDG_CACHE_HOME'] ||
    (platform === 'darwin' && `${home}/Library/Caches`) ||
    (platform === 'win32' && env['LOCALAPPDATA']) ||
    `${home}/.cache`;
  return `${folder}/moect`;
}
