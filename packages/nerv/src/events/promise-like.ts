/** Whether a handler's result is something to wait for. */
export function isPromiseLike(value: unknown): value is PromiseLike<unknown> {
  // Any value but null and undefined may be asked for a property.
  return typeof (value as { then?: unknown } | null | undefined)?.then === 'function';
}
