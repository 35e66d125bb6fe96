import {
  ARGS,
  FAILED,
  FINISHED,
  PUBLISHED,
  QUIT,
  SIGNAL,
  SLEEPERS,
  SLOTS,
  SLOT_ARGS,
  SLOT_CHUNKS,
  SLOT_DONE,
  SLOT_OP,
  slotOf,
  useArgs,
  WAITING,
} from './layout';
import { runChunk } from './run-chunk';

// A queue of operations in shared memory. One thread publishes them in order; all take chunks of the oldest that is not finished,
// and of the next one only when every chunk of it is done, so that an operation sees all results of those before it.

const SPINS: i32 = 20000;
/** Longer than the JavaScript between two operations, so that a worker is awake for the next one. */
const IDLE_SPINS: i32 = 200000;

// @ts-ignore: decorator
@external('env', 'stalled')
declare function stalled(progress: i32): i32;

/** Runs all chunks of an operation on the calling thread; its arguments lie at ARGS. */
export function runAlone(op: i32, chunks: i32): void {
  useArgs(ARGS);
  for (let c = 0; c < chunks; c++) runChunk(op, c, chunks);
}

/** Puts an operation at the end of the queue. The slot of its number is free, and its arguments lie there. */
export function publish(op: i32, chunks: i32): void {
  const number = atomic.load<i32>(PUBLISHED);
  const slot = slotOf(number);
  store<i32>(slot, op, SLOT_OP);
  store<i32>(slot, chunks, SLOT_CHUNKS);
  atomic.store<i32>(slot, 0, SLOT_DONE);
  atomic.store<i64>(slot, (<i64>number << 32) | <i64>(chunks << 16));
  atomic.store<i32>(PUBLISHED, number + 1);
  signal();
}

function signal(): void {
  atomic.add<i32>(SIGNAL, 1);
  if (atomic.load<i32>(SLEEPERS) > 0) atomic.notify(SIGNAL, -1);
}

// @ts-ignore: decorator
@inline
function unfinished(): i32 {
  return atomic.load<i32>(PUBLISHED) - atomic.load<i32>(FINISHED);
}

/**
 * Takes chunks on the publishing thread until no more than `most` operations are unfinished; where others have begun the
 * last chunks of the oldest one, only until there are fewer than `room`: this thread has better to do than to wait for them.
 * Returns 0, or 1 when the workers made no progress until `env.stalled` gave up.
 */
export function help(most: i32, room: i32): i32 {
  let spins = 0;
  while (unfinished() > most) {
    if (takeChunk()) spins = 0;
    else if (unfinished() < room) return 0;
    else if (++spins >= SPINS) {
      spins = 0;
      waitForOthers(most);
      if (stalled(progress())) return 1;
    }
  }
  return 0;
}

/** Sleeps a little, so that a descheduled worker can have our core. */
function waitForOthers(most: i32): void {
  const seen = atomic.load<i32>(SIGNAL);
  atomic.store<i32>(WAITING, 1);
  atomic.add<i32>(SLEEPERS, 1);
  if (unfinished() > most && !canTake()) atomic.wait<i32>(SIGNAL, seen, 2000000);
  atomic.sub<i32>(SLEEPERS, 1);
  atomic.store<i32>(WAITING, 0);
}

/** Another number whenever a chunk has been done. */
function progress(): i32 {
  const number = atomic.load<i32>(FINISHED);
  return (number << 12) + atomic.load<i32>(slotOf(number), SLOT_DONE);
}

/** Whether the oldest unfinished operation has a chunk that nobody has taken. */
function canTake(): bool {
  const number = atomic.load<i32>(FINISHED);
  return number != atomic.load<i32>(PUBLISHED) && untaken(atomic.load<i64>(slotOf(number))) > 0;
}

const ONE_CHUNK: i64 = 1 << 16;

/** Whether this thread takes the first chunk of those that are left, not the last: so it finds much of what it made itself in its cache. */
let fromStart: bool = true;

/** For a worker, before it works. */
export function takeFromEnd(): void {
  fromStart = false;
}

// @ts-ignore: decorator
@inline
function untaken(ticket: i64): i32 {
  return <i32>(<u32>ticket >> 16);
}

/** Takes a chunk of the oldest unfinished operation and runs it; false where there is none to take. */
function takeChunk(): bool {
  const number = atomic.load<i32>(FINISHED);
  if (number == atomic.load<i32>(PUBLISHED)) return false;
  const slot = slotOf(number);
  let ticket = atomic.load<i64>(slot);
  for (;;) {
    // under another number the slot has a later operation already, whose turn it may not be
    if (<i32>(ticket >> 32) != number || untaken(ticket) == 0) return false;
    const seen = atomic.cmpxchg<i64>(slot, ticket, ticket - ONE_CHUNK + (fromStart ? 1 : 0));
    if (seen == ticket) break;
    ticket = seen;
  }
  // after a trap nothing is computed on what it left
  if (atomic.load<i32>(FAILED) == 0) {
    useArgs(slot + SLOT_ARGS);
    const first = <i32>ticket & 0xffff;
    const chunk = fromStart ? first : first + untaken(ticket) - 1;
    runChunk(load<i32>(slot, SLOT_OP), chunk, load<i32>(slot, SLOT_CHUNKS));
  }
  endChunk(number);
  return true;
}

function endChunk(number: i32): void {
  const slot = slotOf(number);
  // read before ours is counted: after that the slot may get a later operation
  const chunks = load<i32>(slot, SLOT_CHUNKS);
  if (atomic.add<i32>(slot, 1, SLOT_DONE) + 1 < chunks) return;
  atomic.store<i32>(FINISHED, number + 1);
  if (atomic.load<i32>(WAITING) != 0 || number + 1 != atomic.load<i32>(PUBLISHED)) signal();
}

/** For the thread whose chunk trapped: the operation's number is kept for the error, the chunk counts as done. */
export function chunkFailed(): void {
  // cannot have moved on, since our chunk is not done
  const number = atomic.load<i32>(FINISHED);
  atomic.cmpxchg<i32>(FAILED, 0, load<i32>(slotOf(number), SLOT_OP) + 1);
  endChunk(number);
}

/** Life of a worker: takes chunks, sleeps where there have been none for a while. Returns when told to quit. */
export function workerLoop(): void {
  let spins = 0;
  while (atomic.load<i32>(QUIT) == 0) {
    if (takeChunk()) spins = 0;
    else if (++spins >= IDLE_SPINS) {
      spins = 0;
      sleep();
    }
  }
}

function sleep(): void {
  const seen = atomic.load<i32>(SIGNAL);
  atomic.add<i32>(SLEEPERS, 1);
  if (!canTake() && atomic.load<i32>(QUIT) == 0) atomic.wait<i32>(SIGNAL, seen, -1);
  atomic.sub<i32>(SLEEPERS, 1);
}
