/**
 * Rows are stored without the schema's types. They are of those types all the same: every row came in through a method
 * that asks for them.
 */
export function typed<T>(rows: unknown): T {
  return rows as T;
}

/** What the schema's types promise about an argument is not needed to store it, or to run it. */
export function erase<T>(argument: unknown): T {
  return argument as T;
}
