import { fileURLToPath } from 'node:url';

/** Folder of the random Llama that comes with the repository; made by scripts/make-tiny-llama.ts. */
export const tinyLlama: string = fileURLToPath(new URL('../../fixtures/tiny-llama', import.meta.url));
