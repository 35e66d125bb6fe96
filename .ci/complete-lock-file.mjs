// Adds optional packages of other platforms that npm left out of package-lock.json (npm/cli#4828, or a registry mirror
// without them): `npm ci` refuses a lock file that lacks any. Run after every change of dependencies.
import { readFileSync, writeFileSync } from 'node:fs';

const file = new URL('../package-lock.json', import.meta.url);
const lock = JSON.parse(readFileSync(file, 'utf8'));
const { packages } = lock;

const OS = [
  'android',
  'darwin',
  'freebsd',
  'linux',
  'netbsd',
  'openbsd',
  'openharmony',
  'sunos',
  'win32',
  'aix',
  'wasi',
];
const CPU = ['arm64', 'arm', 'x64', 'ia32', 'ppc64', 'riscv64', 's390x', 'loong64', 'mips64el', 'wasm32'];

/** Fields that make npm skip a package on other machines, from the words of its name. */
function platform(name) {
  const words = name.split('/').at(-1).split('-');
  const os = OS.find((one) => words.includes(one) || (one === 'win32' && words.includes('windows')));
  const cpu =
    CPU.find((one) => words.some((word) => word === one)) ?? (words.includes('64') ? 'x64' : undefined);
  return { ...(os && { os: [os === 'wasi' ? 'unknown' : os] }), ...(cpu && { cpu: [cpu] }) };
}

/** Folders in which Node looks for a dependency of the package at `path`. */
function* places(path) {
  for (let at = path; ; ) {
    const parent = at.lastIndexOf('node_modules/');
    if (parent < 0) return yield 'node_modules/';
    yield `${at.slice(0, parent)}node_modules/`;
    at = at.slice(0, Math.max(0, parent - 1));
  }
}

let added = 0;
for (const [path, entry] of Object.entries({ ...packages })) {
  for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
    const found = [...places(path)].map((folder) => packages[folder + name]).find(Boolean);
    if (found !== undefined && (found.version === version || !/^\d/.test(version))) continue;
    const [nearest] = places(path);
    const isDev = entry.dev === true ? { dev: true } : {};
    packages[nearest + name] = {
      version: version.replace(/^[^\d]*/, ''),
      ...isDev,
      optional: true,
      ...platform(name),
    };
    added++;
  }
}
lock.packages = Object.fromEntries(Object.entries(packages).sort(([a], [b]) => (a < b ? -1 : 1)));
writeFileSync(file, `${JSON.stringify(lock, null, 2)}\n`);
console.log(`${added} packages added`);
