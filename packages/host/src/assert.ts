/** States what must hold. @throws {Error} when it does not, which is a bug of the host and never of its caller. */
export function assert(condition: unknown, expectation: string): asserts condition {
  if (!condition) throw new Error(`bug in @inner-universe/host: expected that ${expectation}`);
}

/** Ends an exhaustive switch. @throws {Error} always; reaching it is a bug of the host. */
export function unreachable(value: never): never {
  throw new Error(`bug in @inner-universe/host: unexpected value ${String(value)}`);
}
