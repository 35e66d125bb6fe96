export const BACKEND_NAMES = ['node', 'webgpu', 'wasm', 'cpu'] as const;
export type BackendName = (typeof BACKEND_NAMES)[number];

export interface BackendInfo {
  readonly name: BackendName;
  /** `gpu` for a real one; software adapters compute on the CPU. */
  readonly device: 'gpu' | 'cpu';
  readonly threads: number;
  /** For people: what was chosen and why. */
  readonly detail: string;
}
