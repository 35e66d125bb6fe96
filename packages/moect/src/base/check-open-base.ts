import { type ConfigProblem, InvalidConfigError } from '@moect/core';
import { BACKEND_NAMES } from '@moect/tensor';
import { checkOptions } from '../front-door-checks.ts';
import type { OpenBaseOptions } from './base.ts';

const STORAGES = ['file', 'float32', 'bfloat16', 'int8'];
const BACKENDS = ['auto', ...BACKEND_NAMES];

/** Throws InvalidConfigError: an option that is not understood must not open another base than the one meant. */
export function checkOpenBase(place: unknown, options: OpenBaseOptions): void {
  checkOptions('openBase', options, ['storage', 'backend', 'threads', 'moect', 'id', 'signal', 'onProgress']);
  const { storage = 'file', backend = 'auto', threads = 1, moect, id } = options;
  const problems: ConfigProblem[] = [];
  const say = (path: string, message: string): void => void problems.push({ path, message });
  if (typeof place !== 'string' && !(place instanceof URL) && !(place instanceof Blob)) {
    say(
      'place',
      `is ${JSON.stringify(place) ?? 'undefined'}, must be a folder, a file, a hub's name or an address`,
    );
  }
  if (!STORAGES.includes(storage)) say('storage', `is '${storage}', must be one of ${STORAGES.join(', ')}`);
  if (!BACKENDS.includes(backend)) say('backend', `is '${backend}', must be one of ${BACKENDS.join(', ')}`);
  if (!Number.isInteger(threads) || threads < 1)
    say('threads', `is ${threads}, must be a whole number from 1`);
  if (id !== undefined && (typeof id !== 'string' || id === ''))
    say('id', `is ${JSON.stringify(id)}, must be a name`);
  if (moect !== undefined && typeof moect.method !== 'function') {
    say('moect', 'must be what createMoect(parts) gives');
  }
  if (problems.length > 0) throw new InvalidConfigError('openBase', problems);
}
