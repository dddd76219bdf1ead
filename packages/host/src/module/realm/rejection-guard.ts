/**
 * Keeps a module's unhandled promise rejections from ending the process, as SpacetimeDB ignores them, and leaves those
 * of the application to what would happen without us. The process-wide listener exists only while a realm does.
 */
const watchers = new WeakMap<object, (reason: unknown) => void>();
let watcherCount = 0;

/** Reports rejections of promises of one realm, told by its `Promise.prototype`. Returns the way to stop. */
export function watchRejections(promisePrototype: object, report: (reason: unknown) => void): () => void {
  watchers.set(promisePrototype, report);
  if (watcherCount === 0) process.on('unhandledRejection', onUnhandledRejection);
  watcherCount++;
  return () => {
    // The prototype stays known: a promise of a closed realm may still be reported late and is still not the app's.
    watchers.set(promisePrototype, () => undefined);
    watcherCount--;
    if (watcherCount === 0) process.off('unhandledRejection', onUnhandledRejection);
  };
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
