import { nodeBuiltin } from '@moect/kernels/host';

/** An installed package of TensorFlow's own kernels. */
export interface TensorflowPackage {
  readonly name: string;
  readonly version: string;
  readonly isForGpu: boolean;
  /** The compiled part is present; it is absent when npm skipped the package's install script. */
  readonly hasAddon: boolean;
  /** Loads it; throws when a shared library is missing. */
  load(): void;
}

const NAMES = ['@tensorflow/tfjs-node-gpu', '@tensorflow/tfjs-node'];

interface NodeModule {
  createRequire(from: string | URL): NodeJS.Require;
}

interface NodeFs {
  existsSync(path: string): boolean;
  readdirSync(path: string): string[];
}

/** Path of the compiled part. */
function findAddon(folder: string): string | undefined {
  const fs = nodeBuiltin<NodeFs>('node:fs')!;
  const lib = `${folder}/lib`;
  if (!fs.existsSync(lib)) return undefined;
  const paths = fs.readdirSync(lib).map((abi) => `${lib}/${abi}/tfjs_binding.node`);
  return paths.find((path) => fs.existsSync(path));
}

/** The package beside this one or in the current folder (for programs run by npx); undefined where there is none. */
function findPackage(name: string): TensorflowPackage | undefined {
  const module = nodeBuiltin<NodeModule>('node:module');
  if (module === undefined) return undefined;
  for (const from of [import.meta.url, `${process.cwd()}/`]) {
    const require = module.createRequire(from);
    let manifest: string;
    try {
      manifest = require.resolve(`${name}/package.json`);
    } catch {
      continue;
    }
    const { version } = require(manifest) as { version: string };
    const addon = findAddon(manifest.slice(0, -'/package.json'.length));
    const isForGpu = name === NAMES[0];
    const load = (): void => {
      // load the compiled part first: the package registers its kernels even where that part fails to load
      if (addon !== undefined) require(addon);
      require(name);
    };
    return { name, version, isForGpu, hasAddon: addon !== undefined, load };
  }
  return undefined;
}

/** The installed packages, the one for GPUs first. */
export function installedPackages(): TensorflowPackage[] {
  return NAMES.map(findPackage).filter((one) => one !== undefined);
}

/** Why TensorFlow cannot be loaded here, found without trying; undefined where it probably can. */
export function tensorflowObstacle(): string | undefined {
  if (nodeBuiltin('node:module') === undefined) return 'it runs in Node.js only';
  const found = installedPackages();
  if (found.length === 0) return `neither ${NAMES.join(' nor ')} is installed`;
  if (found.some((one) => one.hasAddon)) return undefined;
  const names = found.map(({ name }) => name).join(' and ');
  return `${names}: installed without the compiled part, as after npm install --ignore-scripts`;
}
