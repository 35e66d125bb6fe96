import jasmineRequire, { type Env } from 'jasmine-core/lib/jasmine-core/jasmine.js';

const jasmine = jasmineRequire.core(jasmineRequire);
// a busy machine is no failure
jasmine.DEFAULT_TIMEOUT_INTERVAL = 60_000;

export const jasmineEnv: Env = jasmine.getEnv({ suppressLoadErrors: true });
// the specs call describe, it, expect, … while they load
Object.assign(globalThis, jasmineRequire.interface(jasmine, jasmineEnv));
