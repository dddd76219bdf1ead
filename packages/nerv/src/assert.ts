/** A mistake in NERV itself: an invariant that does not hold. Never thrown for wrong input. */
export class AssertionError extends Error {
  override readonly name: string = 'AssertionError';
}

/** Throws an `AssertionError` unless the invariant named by `mustHold` is true. */
export function assert(condition: boolean, mustHold: string): asserts condition {
  if (!condition) throw new AssertionError(`Invariant broken: ${mustHold}. This is a bug in NERV.`);
}

/** Ends an exhaustive switch: the type checker proves it is never reached. */
export function unreachable(value: never, what: string): never {
  throw new AssertionError(`Unexpected ${what}: ${String(value)}. This is a bug in NERV.`);
}
