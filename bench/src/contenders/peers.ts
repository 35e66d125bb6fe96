import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

const FOLDER = new URL('../../peers/', import.meta.url);

const need = createRequire(FOLDER);

function checkInstalled(name: string): void {
  if (existsSync(new URL(`node_modules/${name}/package.json`, FOLDER))) return;
  throw new Error(`${name} is not installed: npm run bench:peers`);
}

/** A CommonJS package of bench/peers. Throws with one line when it is not there or does not load. */
export function requirePeer(name: string): unknown {
  checkInstalled(name);
  try {
    return need(name);
  } catch (error) {
    const [line] = (error as Error).message.split('\n');
    // results are published, so the message must name no path of this machine
    throw new Error(
      `${name} does not load: ${line!.replace(/(?:[A-Za-z]:)?[\\/][^\s'"]+[\\/]/g, '…/').trim()}`,
    );
  }
}

/** The address of a module file in a package of bench/peers. */
export function peerModule(name: string, file: string): string {
  checkInstalled(name);
  return pathToFileURL(need.resolve(`./node_modules/${name}/${file}`)).href;
}
