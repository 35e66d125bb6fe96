import { installedPackages } from '../node-backend/find-package.ts';
import { nodeBuiltin } from '../node-builtin.ts';

/** A backend that may be the fastest here, and what its speed depends on. */
export interface Candidate {
  readonly name: 'node' | 'webgpu' | 'wasm';
  readonly fingerprint: string;
}

async function webgpu(): Promise<Candidate[]> {
  try {
    const { findAdapter } = await import('../webgpu.ts');
    const { description, isSoftware } = await findAdapter();
    return isSoftware ? [] : [{ name: 'webgpu', fingerprint: description }];
  } catch {
    return [];
  }
}

function node(): Candidate[] {
  const ready = installedPackages().filter(({ hasAddon }) => hasAddon);
  if (ready.length === 0) return [];
  return [{ name: 'node', fingerprint: ready.map(({ name, version }) => `${name} ${version}`).join(', ') }];
}

/** Never a software adapter: those are for tests. */
export async function findCandidates(): Promise<Candidate[]> {
  return [...node(), ...(await webgpu()), { name: 'wasm', fingerprint: '' }];
}

interface Os {
  cpus(): readonly { readonly model: string }[];
  availableParallelism(): number;
}

/** What else a measured speed depends on. */
export function machine(threads: number): string {
  const os = nodeBuiltin<Os>('node:os');
  if (os === undefined) return `${threads} threads`;
  const { version, platform, arch } = process;
  return `${os.cpus()[0]?.model}, ${os.availableParallelism()} cores, ${threads} threads, ${platform} ${arch}, Node ${version}`;
}
