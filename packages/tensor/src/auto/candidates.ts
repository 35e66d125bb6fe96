import { BackendUnavailableError } from '@moect/core';
import { nodeBuiltin } from '@moect/kernels/host';
import { importNode, importWebgpu } from '../optional-backends.ts';

/** A backend that may be the fastest here; `fingerprint` names everything that its speed depends on. */
export interface Candidate {
  readonly name: 'node' | 'webgpu' | 'wasm';
  readonly fingerprint: string;
  /** For people: why it uses no GPU, if it supports GPUs. */
  readonly noGpu?: string | undefined;
}

export interface Candidates {
  readonly found: readonly Candidate[];
  /** For people: why no candidate is a GPU; null where one is, and in Node without the packages for it. */
  readonly noGpu: string | null;
}

interface Os {
  cpus(): readonly { readonly model: string }[];
  availableParallelism(): number;
}

const os = (): Os | undefined => nodeBuiltin<Os>('node:os');

/** A real GPU, or the reason why there is none, or null where that is not worth reporting. */
async function webgpu(): Promise<Candidate | string | null> {
  try {
    const { findAdapter, mayHaveGpu } = await importWebgpu();
    if (!mayHaveGpu()) return null;
    const { description, isSoftware } = await findAdapter();
    if (isSoftware) return `WebGPU has only a software adapter (${description}), which is slower`;
    return { name: 'webgpu', fingerprint: description };
  } catch (error) {
    if (os() !== undefined) return null;
    return error instanceof BackendUnavailableError ? error.reason : `WebGPU failed (${error})`;
  }
}

/** TensorFlow, where it is installed with its compiled part. */
async function node(): Promise<Candidate[]> {
  try {
    const { tensorflowCandidate } = await importNode();
    const candidate = tensorflowCandidate();
    return candidate === undefined ? [] : [{ name: 'node', ...candidate }];
  } catch (error) {
    if (!(error instanceof BackendUnavailableError)) throw error;
    return [];
  }
}

/** Finds the candidates, without software adapters, which are for tests. */
export async function findCandidates(): Promise<Candidates> {
  const gpu = await webgpu();
  const wasm: Candidate = { name: 'wasm', fingerprint: '' };
  if (gpu === null || typeof gpu === 'string') return { found: [...(await node()), wasm], noGpu: gpu };
  return { found: [...(await node()), gpu, wasm], noGpu: null };
}

/** Machine and settings that a measured speed depends on. */
export function machine(threads: number): string {
  const { cpus, availableParallelism } = os() ?? {};
  if (cpus === undefined || availableParallelism === undefined) return `${threads} threads`;
  const { version, platform, arch } = process;
  return `${cpus()[0]?.model}, ${availableParallelism()} cores, ${threads} threads, ${platform} ${arch}, Node ${version}`;
}
