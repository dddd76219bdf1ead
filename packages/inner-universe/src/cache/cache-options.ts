import type { CacheBounds, CacheStats } from './read-cache.ts';

/** The bounds of what a client keeps of its reads. */
export type CacheOptions = { readonly [Name in keyof CacheBounds]?: CacheBounds[Name] | undefined };

/** What the cache of a client has done. */
export interface ClientCacheStats extends CacheStats {
  /** Answers that were given while the connection was away, so that they may be out of date. They are hits as well. */
  readonly stale: number;
}

const DEFAULT_ENTRIES_MAX = 10_000;
const DEFAULT_BYTES_MAX = 8 * 1024 * 1024;
const DEFAULT_TTL_MS = 60_000;

/** Options with their defaults. */
export function decideCacheBounds(options: CacheOptions): CacheBounds {
  const { entriesMax = DEFAULT_ENTRIES_MAX, bytesMax = DEFAULT_BYTES_MAX, ttlMs = DEFAULT_TTL_MS } = options;
  return { entriesMax, bytesMax, ttlMs };
}
