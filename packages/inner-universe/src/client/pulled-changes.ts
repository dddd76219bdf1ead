import type { HeadRow, ReadableScope } from '@inner-universe/module/wire';
import type { CallOptions, ConnectionSubscription } from '../connection/connection.ts';
import { RefusedError } from '../errors.ts';
import type { ChangeSource, ReadPage, SourceParts } from './change-source.ts';
import { ALL_EVENTS } from './reads.ts';

/** What is known of a scope's ephemeral events. */
interface FollowedScope {
  readonly name: string;
  /** The number of the last one that was read. */
  read: bigint;
  /** The number of the last one there is, as far as known. */
  last: bigint;
}

/**
 * Everybody's way but the owner's: `head` says that a scope moved, and the pages say what the caller may know of it.
 * One round of reading at a time; moves that come meanwhile ask for one more, however many there are.
 */
export class PulledChanges implements ChangeSource {
  readonly #parts: SourceParts;
  /** The scopes that may be read, by their key in `head`. */
  readonly #scopes = new Map<string, FollowedScope>();
  /** How often scopes moved that could not be read when last asked. A grant may change that. */
  readonly #foreignMoves = new Map<string, number>();
  #subscription: ConnectionSubscription | undefined;
  #pulling: Promise<void> | undefined;
  #again = false;
  #askScopes = false;
  #closed = false;

  constructor(parts: SourceParts) {
    this.#parts = parts;
  }

  async start(read: ReadPage, call: CallOptions): Promise<void> {
    const request = {
      queries: ['SELECT * FROM head'],
      tables: ['head'],
      onChange: ({ row }: { readonly row: object }) => this.#onMove(row as HeadRow), // the bindings' type of that table
    };
    this.#subscription = await this.#parts.connection.subscribe(request, call);
    for (const scope of (await read('readScopes', {})).scopes) this.#follow(scope);
    // Ephemeral events from before are nobody's any more.
    for (const scope of this.#scopes.values()) scope.read = scope.last;
    await this.#parts.sink.readOn(read);
    this.#parts.sink.finishRound();
  }

  catchUp(): Promise<void> {
    this.#askScopes = true;
    return this.#pull();
  }

  settle(): Promise<void> {
    return this.catchUp();
  }

  follows(scope: string): boolean {
    for (const { name } of this.#scopes.values()) if (name === scope) return true;
    return false;
  }

  close(): void {
    this.#closed = true;
    this.#subscription?.close();
  }

  #onMove({ scopeKey, recentNumber }: HeadRow): void {
    const scope = this.#scopes.get(scopeKey);
    if (scope === undefined) {
      const moves = (this.#foreignMoves.get(scopeKey) ?? 0) + 1;
      this.#foreignMoves.set(scopeKey, moves);
      // Asked at the 1st, 2nd, 4th, 8th … move: a grant shows, and a busy scope of others costs next to nothing.
      if ((moves & (moves - 1)) !== 0) return;
      this.#askScopes = true;
    } else if (recentNumber > scope.last) scope.last = recentNumber;
    this.#pull().catch((error: unknown) => {
      if (!this.#closed) this.#parts.onError(error);
    });
  }

  #follow({ scopeKey, name, recentNumber }: ReadableScope): void {
    const scope = this.#scopes.get(scopeKey);
    if (scope !== undefined) {
      if (recentNumber > scope.last) scope.last = recentNumber;
      return;
    }
    this.#foreignMoves.delete(scopeKey);
    // A scope that is new here is followed from now on, but for what made it known.
    const before = recentNumber > 0n ? recentNumber - 1n : 0n;
    this.#scopes.set(scopeKey, { name, read: before, last: recentNumber });
  }

  #pull(): Promise<void> {
    this.#again = true;
    this.#pulling ??= this.#run().finally(() => (this.#pulling = undefined));
    return this.#pulling;
  }

  async #run(): Promise<void> {
    while (this.#again && !this.#closed) {
      this.#again = false;
      await this.#round();
    }
  }

  async #round(): Promise<void> {
    const { read, sink } = this.#parts;
    if (this.#askScopes) {
      this.#askScopes = false;
      for (const scope of (await read('readScopes', {})).scopes) this.#follow(scope);
    }
    await sink.readOn(read);
    for (const scope of this.#scopes.values()) {
      while (scope.read < scope.last && !this.#closed) await this.#readRecent(scope);
    }
    sink.finishRound();
  }

  async #readRecent(scope: FollowedScope): Promise<void> {
    const { read, sink } = this.#parts;
    // An empty span of the log: this page is for ephemeral events alone.
    const span = { afterSeq: sink.cursor, throughSeq: sink.cursor };
    try {
      const page = await read('readEvents', { ...ALL_EVENTS, ...span, scope: scope.name, recentAfter: scope.read });
      scope.read = page.recentNumber > scope.read ? page.recentNumber : scope.last;
      sink.deliver(page.recent.map((row) => ({ ...row, seq: 0n, durability: 'ephemeral' })));
    } catch (error) {
      if (!(error instanceof RefusedError) || error.code !== 'permission/denied') throw error;
      scope.read = scope.last;
    }
  }
}
