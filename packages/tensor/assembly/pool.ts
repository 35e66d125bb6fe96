import { runChunk } from './run-chunk';
import { CHUNKS, DONE, GENERATION, OP, QUIT, REMAINING, SLEEPERS, WAITING } from './layout';

const SPINS: i32 = 20000;
/** Longer than the JavaScript between two operations, so that a worker is awake for the next one. */
const IDLE_SPINS: i32 = 400000;

// @ts-ignore: decorator
@external('env', 'stalled')
declare function stalled(done: i32): i32;

/** Runs all chunks of an operation on the calling thread. */
export function runAlone(op: i32, chunks: i32): void {
  for (let c = 0; c < chunks; c++) runChunk(op, c, chunks);
}

/** Gives an operation to the workers and returns; arguments have been written before, the last operation has finished. */
export function startShared(op: i32, chunks: i32): void {
  store<i32>(OP, op);
  store<i32>(CHUNKS, chunks);
  atomic.store<i32>(DONE, 0);
  atomic.store<i32>(REMAINING, chunks);
  atomic.add<i32>(GENERATION, 1);
  if (atomic.load<i32>(SLEEPERS) > 0) atomic.notify(GENERATION, -1);
}

/**
 * Helps with the chunks of the operation that `startShared` gave out, and waits for those of the workers.
 * Returns 0, or 1 when the workers made no progress until `env.stalled` gave up.
 */
export function finishShared(chunks: i32): i32 {
  takeChunks();
  return waitForOthers(chunks);
}

/** Waits until all chunks are done: spins a little, then sleeps, so that a descheduled worker can have our core. */
function waitForOthers(chunks: i32): i32 {
  let spins = 0;
  let done = atomic.load<i32>(DONE);
  while (done < chunks) {
    if (++spins >= SPINS) {
      atomic.store<i32>(WAITING, 1);
      atomic.wait<i32>(DONE, done, 2000000);
      atomic.store<i32>(WAITING, 0);
      spins = 0;
      if (stalled(done)) return 1;
    }
    done = atomic.load<i32>(DONE);
  }
  return 0;
}

function takeChunks(): void {
  let left = atomic.sub<i32>(REMAINING, 1);
  while (left > 0) {
    runChunk(load<i32>(OP), left - 1, load<i32>(CHUNKS));
    atomic.add<i32>(DONE, 1);
    if (atomic.load<i32>(WAITING) != 0) atomic.notify(DONE, -1);
    left = atomic.sub<i32>(REMAINING, 1);
  }
}

/** Life of a worker: waits for a generation, helps with its chunks. Returns when told to quit. */
export function workerLoop(): void {
  let seen = atomic.load<i32>(GENERATION);
  takeChunks();
  while (atomic.load<i32>(QUIT) == 0) {
    let spins = 0;
    while (atomic.load<i32>(GENERATION) == seen && spins < IDLE_SPINS) spins++;
    if (atomic.load<i32>(GENERATION) == seen) {
      atomic.add<i32>(SLEEPERS, 1);
      atomic.wait<i32>(GENERATION, seen, -1);
      atomic.sub<i32>(SLEEPERS, 1);
    }
    seen = atomic.load<i32>(GENERATION);
    takeChunks();
  }
}
