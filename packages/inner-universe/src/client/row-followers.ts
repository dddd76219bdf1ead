import type { CallOptions, Connection, ConnectionSubscription, RowChange } from '../connection/connection.ts';

/** Rows to be told of as they change, for as long as it takes. */
export interface RowFollowing {
  /** The queries to subscribe to on a connection on which the log has been followed to `seq`. */
  readonly queries: (seq: bigint) => readonly string[];
  readonly tables: readonly string[];
  /** Told before the listeners of the log are told the record of the same change. */
  readonly onChange: (change: RowChange) => void;
}

/** Subscriptions to rows that outlive their connections. What changed between two of them is told by the log alone. */
export class RowFollowers {
  readonly #followings = new Map<RowFollowing, ConnectionSubscription | undefined>();

  /** Begins on this connection, and on every later one. The result ends it. */
  async add(following: RowFollowing, connection: Connection, seq: bigint): Promise<() => void> {
    this.#followings.set(following, undefined);
    try {
      await this.#begin(following, connection, seq);
    } catch (error) {
      this.#followings.delete(following);
      throw error;
    }
    return () => this.#end(following);
  }

  /** Begins on every later connection. The result ends it. */
  addLater(following: RowFollowing): () => void {
    this.#followings.set(following, undefined);
    return () => this.#end(following);
  }

  /** Begins all of them on a new connection. */
  async attach(connection: Connection, seq: bigint, call: CallOptions): Promise<void> {
    for (const following of [...this.#followings.keys()]) await this.#begin(following, connection, seq, call);
  }

  #end(following: RowFollowing): void {
    this.#followings.get(following)?.close();
    this.#followings.delete(following);
  }

  async #begin(following: RowFollowing, connection: Connection, seq: bigint, call?: CallOptions): Promise<void> {
    const { queries, tables, onChange } = following;
    const subscription = await connection.subscribe({ queries: queries(seq), tables, onChange }, call);
    if (this.#followings.has(following)) this.#followings.set(following, subscription);
    else subscription.close();
  }
}
