import { arch, availableParallelism, cpus, platform, release, totalmem } from 'node:os';
import { BACKEND_NAMES, type BackendName } from '@moect/tensor';
import { chooseBackend } from '../base/choose-backend.ts';
import { type BackendCheck, checkBackend } from './check-backend.ts';
import { newerNodeNote } from './newer-node.ts';

export interface Finding {
  readonly level: 'ok' | 'note' | 'warning' | 'problem';
  readonly text: string;
}

export interface Examination {
  readonly schema: 'moect-doctor/1';
  readonly node: string;
  readonly platform: string;
  readonly cpu: string;
  readonly cores: number;
  readonly memoryBytes: number;
  readonly freeMemoryBytes: number;
  readonly backends: readonly BackendCheck[];
  /** Choice of `auto`, or a working backend; null if none works. */
  readonly chosen: BackendCheck['name'] | null;
  /** For people: the measurements of `auto`, or its problem. */
  readonly reason: string;
  readonly findings: readonly Finding[];
}

const OLDEST_NODE = [20, 19] as const;
/** Backends that need packages of their own or a GPU; a machine without them has no problem. */
const OPTIONAL: ReadonlySet<BackendName> = new Set(['node', 'webgpu']);
const ENOUGH_MEMORY = 2 * 2 ** 30;

function nodeFinding(version: string): Finding {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [oldMajor, oldMinor] = OLDEST_NODE;
  if (major > oldMajor || (major === oldMajor && minor >= oldMinor)) {
    return { level: 'ok', text: `Node.js ${version}` };
  }
  const wanted = OLDEST_NODE.join('.');
  return {
    level: 'problem',
    text: `Node.js ${version} is too old: install ${wanted} or newer from nodejs.org`,
  };
}

function memoryFinding(free: number): Finding {
  const gib = (free / 2 ** 30).toFixed(1);
  if (free >= ENOUGH_MEMORY) return { level: 'ok', text: `${gib} GiB of memory free` };
  return {
    level: 'warning',
    text: `only ${gib} GiB of memory free: close programs, or lower training.batchSize and data.sequenceLength`,
  };
}

function backendFinding(check: BackendCheck): Finding {
  const { name, available, detail, remedy, gflops, gradientOk } = check;
  if (!available) {
    return { level: OPTIONAL.has(name) ? 'note' : 'problem', text: `${name}: ${detail} ${remedy}` };
  }
  if (!gradientOk) return { level: 'problem', text: `${name}: ${remedy}` };
  return { level: 'ok', text: `${name}: ${detail}; ${gflops!.toFixed(1)} GFLOP/s, gradients agree` };
}

/** Choice of `auto`, unless that backend computes wrongly here. */
async function choose(
  backends: readonly BackendCheck[],
  threads: number | undefined,
): Promise<Pick<Examination, 'chosen' | 'reason'>> {
  const right = backends.filter(({ available, gradientOk }) => available && gradientOk);
  if (right.length === 0) return { chosen: null, reason: 'no backend works here' };
  const named = (wanted: BackendName) => right.find(({ name }) => name === wanted);
  const wasm = named('wasm') ?? named('cpu') ?? right.at(-1)!;
  try {
    const { name, detail } = await chooseBackend('auto', threads);
    if (right.some((check) => check.name === name)) return { chosen: name, reason: detail };
    return {
      chosen: wasm.name,
      reason: `auto takes ${name}, which is wrong here: --backend ${wasm.name}`,
    };
  } catch (error) {
    return {
      chosen: wasm.name,
      reason: `auto finds nothing (${(error as Error).message}): --backend ${wasm.name}`,
    };
  }
}

/** Examines this machine and the backends of moect on it. */
export async function examine(options: { readonly threads?: number } = {}): Promise<Examination> {
  const backends: BackendCheck[] = [];
  for (const name of BACKEND_NAMES) backends.push(await checkBackend(name, options.threads));
  const { chosen, reason } = await choose(backends, options.threads);
  // unlike os.freemem, this respects the limits of containers
  const free = process.availableMemory();
  const findings = [nodeFinding(process.versions.node), memoryFinding(free), ...backends.map(backendFinding)];
  const newer = chosen === 'wasm' ? newerNodeNote() : null;
  if (newer !== null) findings.push({ level: 'note', text: newer });
  if (chosen === 'cpu') {
    findings.push({
      level: 'warning',
      text: 'only the slow backend works: fine for tests, not for training',
    });
  }
  return {
    schema: 'moect-doctor/1',
    node: process.versions.node,
    platform: `${platform()} ${release()} ${arch()}`,
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: availableParallelism(),
    memoryBytes: totalmem(),
    freeMemoryBytes: free,
    backends,
    chosen,
    reason,
    findings,
  };
}
