/** Runs one chunk of a fused operation (numbers of ./ops.ts). The owner of this folder fills in the cases. */
export function runFused(op: i32, chunk: i32, chunks: i32): void {
  unreachable();
}
