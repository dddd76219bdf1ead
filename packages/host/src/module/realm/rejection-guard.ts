/**
 * Keeps a module's unhandled promise rejections from ending the process, as SpacetimeDB ignores them, and leaves those
 * of the application to what would happen without us. The process-wide listener is there as long as a realm that may
 * still reject something: one that was closed may do so late, and a promise keeps its realm's prototype alive.
 */
const watchers = new WeakMap<object, (reason: unknown) => void>();
const prototypes = new FinalizationRegistry<undefined>(() => countRealms(-1));
let realmCount = 0;

/** Reports rejections of promises of one realm, told by its `Promise.prototype`. Returns the way to stop. */
export function watchRejections(promisePrototype: object, report: (reason: unknown) => void): () => void {
  watchers.set(promisePrototype, report);
  prototypes.register(promisePrototype, undefined);
  countRealms(1);
  // The prototype stays known: what is still to come is nobody's, and not the application's.
  return () => void watchers.set(promisePrototype, () => undefined);
}

function countRealms(change: number): void {
  if (realmCount === 0) process.on('unhandledRejection', onUnhandledRejection);
  realmCount += change;
  if (realmCount === 0) process.off('unhandledRejection', onUnhandledRejection);
}

function onUnhandledRejection(reason: unknown, promise: Promise<unknown>): void {
  const report = findWatcher(promise);
  if (report !== undefined) {
    report(reason);
    return;
  }
  // With a listener Node no longer ends the process on its own: do what it would have done without ours.
  if (process.listenerCount('unhandledRejection') === 1) throw reason;
}

function findWatcher(promise: Promise<unknown>): ((reason: unknown) => void) | undefined {
  let prototype: object | null = Object.getPrototypeOf(promise);
  while (prototype !== null) {
    const watcher = watchers.get(prototype);
    if (watcher !== undefined) return watcher;
    prototype = Object.getPrototypeOf(prototype);
  }
  return undefined;
}
