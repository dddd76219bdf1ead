import { SCOPE_PAGES_SINCE, SYSTEM_SCOPE, type HeadRow, type ReadableScope } from '@inner-universe/module/wire';
import type { CallOptions, ConnectionSubscription, RowChange } from '../connection/connection.ts';
import { NervPersistenceError } from '../errors.ts';
import type { ChangeSource, ReadPage, SourceParts } from './change-source.ts';
import { isDenied, OnceDenied } from './once-denied.ts';
import { ALL_EVENTS, pages } from './reads.ts';

/** What is known of a scope's ephemeral events. */
interface FollowedScope {
  readonly name: string;
  /** The number of the last one that was read. */
  read: bigint;
  /** The number of the last one there is, as far as known. */
  last: bigint;
}

/** Scopes that `read_scopes` lists, at most: all there is of modules that do not list them by pages. */
const LISTED_SCOPES_MAX = 1_000;
/** Scopes that are followed, at most. */
const SCOPES_MAX = 100_000;
/** Pauses between asking for the scopes again, where others' scopes move and nothing comes of it. */
const ASK_MS_MIN = 1_000;
const ASK_MS_MAX = 30_000;

/**
 * Everybody's way but the owner's: `head` says that a scope moved, and the pages say what the caller may know of it.
 * One round of reading at a time; moves that come meanwhile ask for one more, however many there are.
 *
 * A move of a scope that may not be read, or of the module's own, may be that of rights: a round looks what may be read
 * now. It does so at once, and where such moves go on without anything coming of it, less and less often, every
 * `ASK_MS_MAX` in the end.
 */
export class PulledChanges implements ChangeSource {
  readonly #parts: SourceParts;
  /** The scopes that may be read, by their key in `head`. */
  readonly #scopes = new Map<string, FollowedScope>();
  #names: ReadonlySet<string> = new Set();
  readonly #denied: OnceDenied;
  #subscription: ConnectionSubscription | undefined;
  #pulling: Promise<void> | undefined;
  #again = false;
  #askScopes = false;
  #askMs = ASK_MS_MIN;
  /** Ends the pause before asking again, while there is one. */
  #cancelPause: (() => void) | undefined;
  /** Whether a foreign scope moved in that pause. */
  #isAskDue = false;
  #isCutTold = false;
  #closed = false;

  constructor(parts: SourceParts) {
    this.#parts = parts;
    this.#denied = new OnceDenied(parts.onError);
  }

  async start(read: ReadPage, call: CallOptions): Promise<void> {
    const request = {
      queries: ['SELECT * FROM head'],
      tables: ['head'],
      onChange: (change: RowChange) => {
        const row = change.row as unknown as HeadRow; // the bindings' type of that table, here and below
        const before = change.type === 'updated' ? (change.before as unknown as HeadRow) : undefined;
        this.#onMove(row, before?.seq !== row.seq);
      },
    };
    this.#subscription = await this.#parts.connection.subscribe(request, call);
    this.#takeScopes(await this.#readAllScopes(read));
    // Ephemeral events from before are nobody's any more.
    for (const scope of this.#scopes.values()) scope.read = scope.last;
    await this.#parts.sink.readOn(read);
    this.#parts.sink.finishRound(true);
  }

  catchUp(): Promise<void> {
    this.#askScopes = true;
    return this.#pull();
  }

  settle(): Promise<void> {
    return this.catchUp();
  }

  follows(scope: string): boolean {
    return this.#names.has(scope);
  }

  close(): void {
    this.#closed = true;
    this.#cancelPause?.();
    this.#subscription?.close();
  }

  #onMove({ scopeKey, recentNumber }: HeadRow, isRecorded: boolean): void {
    const scope = this.#scopes.get(scopeKey);
    // A change of rights is recorded, in the scope of the module's own records: what is merely broadcast is none.
    if (isRecorded && (scope === undefined || scope.name === SYSTEM_SCOPE)) this.#askSoon();
    if (scope === undefined) return;
    if (recentNumber > scope.last) scope.last = recentNumber;
    this.#pullInBackground();
  }

  #askSoon(): void {
    if (this.#cancelPause !== undefined) {
      this.#isAskDue = true;
      return;
    }
    this.#askScopes = true;
    this.#pullInBackground();
    const delayMs = this.#askMs;
    this.#askMs = Math.min(ASK_MS_MAX, 2 * delayMs);
    this.#cancelPause = this.#parts.timers.schedule(() => {
      this.#cancelPause = undefined;
      if (this.#isAskDue) this.#askSoon();
      else this.#askMs = ASK_MS_MIN;
      this.#isAskDue = false;
    }, delayMs);
  }

  #pullInBackground(): void {
    this.#pull().catch((error: unknown) => {
      if (!this.#closed) this.#denied.report(error);
    });
  }

  /** Follows the scopes that may be read now, and no others. */
  #takeScopes(scopes: readonly ReadableScope[]): void {
    const keys = new Set(scopes.map(({ scopeKey }) => scopeKey));
    let hasChanged = false;
    for (const scopeKey of this.#scopes.keys()) if (!keys.has(scopeKey)) hasChanged = this.#scopes.delete(scopeKey);
    for (const scope of scopes) if (this.#follow(scope)) hasChanged = true;
    if (!hasChanged) return;
    this.#askMs = ASK_MS_MIN;
    this.#names = new Set(scopes.map(({ name }) => name));
  }

  /** Every scope that may be read now, as far as the module tells and as many as are followed. */
  async #readAllScopes(read: ReadPage): Promise<readonly ReadableScope[]> {
    if (this.#parts.codeVersion < SCOPE_PAGES_SINCE) {
      const { scopes } = await read('readScopes', {});
      if (scopes.length >= LISTED_SCOPES_MAX) this.#tellCut(LISTED_SCOPES_MAX);
      return scopes;
    }
    const found: ReadableScope[] = [];
    for await (const { scopes, more } of pages((cursor) => read('readScopePage', { cursor, limit: 0 }))) {
      found.push(...scopes.slice(0, SCOPES_MAX - found.length));
      if (found.length < SCOPES_MAX || !more) continue;
      this.#tellCut(SCOPES_MAX);
      break;
    }
    return found;
  }

  #tellCut(limit: number): void {
    if (this.#isCutTold) return;
    this.#isCutTold = true;
    this.#parts.onError(makeCut(limit));
  }

  /** True for one that was not followed before. */
  #follow({ scopeKey, name, recentNumber }: ReadableScope): boolean {
    const scope = this.#scopes.get(scopeKey);
    if (scope !== undefined) {
      if (recentNumber > scope.last) scope.last = recentNumber;
      return false;
    }
    // A scope that is new here is followed from now on, but for what made it known.
    const before = recentNumber > 0n ? recentNumber - 1n : 0n;
    this.#scopes.set(scopeKey, { name, read: before, last: recentNumber });
    return true;
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
    const asksScopes = this.#askScopes;
    if (asksScopes) {
      this.#askScopes = false;
      await this.#readScopes();
    }
    await sink.readOn(read);
    for (const scope of this.#scopes.values()) {
      while (scope.read < scope.last && !this.#closed) await this.#readRecent(scope);
    }
    sink.finishRound(asksScopes);
  }

  async #readScopes(): Promise<void> {
    const { read, sink } = this.#parts;
    try {
      this.#takeScopes(await this.#readAllScopes(read));
      this.#denied.noteAllowed();
    } catch (error) {
      if (isDenied(error)) {
        // No right is left. Who holds something of what was read before is told in the same round.
        this.#takeScopes([]);
        sink.finishRound(true);
      }
      throw error;
    }
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
      if (!isDenied(error)) throw error;
      scope.read = scope.last;
    }
  }
}

function makeCut(limit: number): NervPersistenceError {
  return new NervPersistenceError(
    'page/scopes-cut',
    `This identity may read ${limit} scopes or more, and no more than the first ${limit} by name are followed at once: ` +
      'what happens in others is told late, and their ephemeral events are not. ' +
      (limit === LISTED_SCOPES_MAX ? `Publish the newer module, which lists up to ${SCOPES_MAX}` : 'Follow') +
      ', or follow as an identity with fewer scopes.',
    { details: { limit } },
  );
}
