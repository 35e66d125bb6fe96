import { BackendUnavailableError } from '@moect/core';

// Imports have literal names, so that bundlers find the packages, and `try`, so that bundlers accept absent ones.

const absent = (backend: string, install: string, cause: unknown): BackendUnavailableError =>
  new BackendUnavailableError(
    backend,
    `the package '@moect/backend-${backend}' is not there (${(cause as Error).message})`,
    `Install it: npm install ${install}`,
    cause,
  );

/** @throws BackendUnavailableError, saying what to install */
export async function importWebgpu(): Promise<typeof import('@moect/backend-webgpu')> {
  try {
    return await import('@moect/backend-webgpu');
  } catch (cause) {
    const install =
      '@moect/backend-webgpu @tensorflow/tfjs-backend-webgpu, and in Node also the package webgpu';
    throw absent('webgpu', install, cause);
  }
}

/** @throws BackendUnavailableError, saying what to install */
export async function importNode(): Promise<typeof import('@moect/backend-node')> {
  try {
    return await import('@moect/backend-node');
  } catch (cause) {
    throw absent('node', '@moect/backend-node @tensorflow/tfjs-node (or @tensorflow/tfjs-node-gpu)', cause);
  }
}
