import { setTestEnvs } from '@tensorflow/tfjs-core/dist/jasmine_util.js';
import { Allocator } from '../../packages/backend-wasm/src/allocator.ts';
import { MoectWasmBackend } from '../../packages/backend-wasm/src/backend.ts';
import { Runtime } from '../../packages/backend-wasm/src/runtime.ts';

const [backendName, strict] = process.argv.slice(2);

// one name for all backends, because it is part of every spec's name
setTestEnvs([{ name: 'any backend', backendName: backendName!, isDataSync: true }]);

/** Mulberry32: specs on random numbers pass or fail alike in every run. */
let state = 1;
Math.random = () => {
  state = (state + 0x6d2b79f5) | 0;
  let t = Math.imul(state ^ (state >>> 15), 1 | state);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
};

if (strict === 'strict') {
  // every operation in chunks on three threads, however small
  const { create } = Runtime;
  const runtimes = new WeakMap<Allocator, Runtime>();
  Runtime.create = async () => {
    const runtime = await create.call(Runtime, { threads: 3, deterministic: true });
    runtime.minSharedWork = 0;
    runtimes.set(runtime.allocator, runtime);
    return runtime;
  };
  // tfjs-core resets the engine around every suite; starting three threads each time would take most of the run
  MoectWasmBackend.prototype.dispose = () => {};
  // elements that a kernel forgets to write are NaN
  const { alloc } = Allocator.prototype;
  Allocator.prototype.alloc = function (bytes) {
    const pointer = alloc.call(this, bytes);
    // the last operation may still read a block that is free already: operations wait for it, `fill` does not
    runtimes.get(this)?.synchronize();
    new Uint8Array(this.memory.buffer, pointer, bytes).fill(255);
    return pointer;
  };
}
