import { MoectError } from '@moect/core';
import { type AdapterSummary, findAdapter } from './adapter.ts';

/** The adapter that tests run on, or why there is none. */
async function lookForAdapter(): Promise<AdapterSummary | string> {
  try {
    return await findAdapter();
  } catch (error) {
    if (!MoectError.isInstance(error)) throw error;
    return error.message;
  }
}

const adapter = await lookForAdapter();

/** For `describe.skipIf`. */
export const noAdapter: boolean = typeof adapter === 'string';
/** For the title of a suite: why it was skipped. */
export const skipNote: string = typeof adapter === 'string' ? ` (skipped: ${adapter})` : '';
