/** What somebody needs to know who meets an error. */
export interface ErrorEntry {
  /** Its class, where that is not the usual one of the package. */
  readonly class?: string | undefined;
  /** What has happened. */
  readonly when: string;
  /** What helps. */
  readonly do: string;
  /** Whether the same call may succeed later unchanged; `sometimes`: the error's `retryable` tells. Default no. */
  readonly retryable?: true | 'sometimes' | undefined;
}

/** An entry for every code of a union: one that is missing does not compile. */
export type ErrorCatalogue<Code extends string> = Readonly<Record<Code, ErrorEntry>>;
