/** Below this many bytes a loop is faster than the call that copies a range. */
const LOOP_BYTES_MAX = 64;

/** Copies all of `source` into `target` from `at` on; there is room. Short ones, as most rows are, without a call. */
export function copyBytes(source: Uint8Array, target: Uint8Array, at: number): void {
  const { length } = source;
  if (length > LOOP_BYTES_MAX) target.set(source, at);
  else for (let index = 0; index < length; index += 1) target[at + index] = source[index] ?? 0;
}
