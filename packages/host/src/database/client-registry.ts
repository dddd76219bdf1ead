import { assert } from '../assert.ts';
import { compileRowCodec } from '../bsatn/row-codec.ts';
import type { AlgebraicValue } from '../bsatn/algebraic-type.ts';
import type { Row, StateView } from '../datastore/state-view.ts';
import { ST_CLIENT, ST_CONNECTION_CREDENTIALS } from '../datastore/system-tables.ts';
import type { Transaction } from '../datastore/transaction.ts';
import type { Caller } from './calls.ts';

const clientCodec = compileRowCodec(ST_CLIENT.columns);
const credentialsCodec = compileRowCodec(ST_CONNECTION_CREDENTIALS.columns);
const NO_PAYLOAD = new Uint8Array(0);

interface ConnectedClient {
  readonly clientRow: Row;
  readonly credentialsRow: Row;
  readonly payload: Uint8Array;
}

/**
 * The rows that stand for connected clients in the system tables.
 *
 * Invariant: while the database can be written, what is registered is exactly what those tables hold, as of the last
 * commit or inside the call that is about to commit or undo it. A connection id stands for one client at a time.
 */
export class ClientRegistry {
  readonly #clients: Map<bigint, ConnectedClient> = new Map();

  /** Takes up what the tables hold, and gives the clients that a crash left there. */
  restore(state: StateView): Caller[] {
    const payloads = new Map<bigint, string>();
    for (const row of state.table(ST_CONNECTION_CREDENTIALS.id).scan()) {
      const [connectionId, payload] = credentialsCodec.decode(row);
      assert(typeof payload === 'string', 'payloads are stored as text');
      payloads.set(toNumber(connectionId), payload);
    }
    const callers: Caller[] = [];
    for (const row of state.table(ST_CLIENT.id).scan()) {
      const [identity, connectionId] = clientCodec.decode(row);
      const caller = { identity: toNumber(identity), connectionId: toNumber(connectionId) };
      this.#clients.set(caller.connectionId, makeClient(caller, payloads.get(caller.connectionId) ?? ''));
      callers.push(caller);
    }
    return callers;
  }

  /** Writes the rows of a client that comes. */
  insert(transaction: Transaction, caller: Caller, jwtPayload: string): void {
    const client = makeClient(caller, jwtPayload);
    transaction.insert(ST_CLIENT.id, client.clientRow);
    transaction.insert(ST_CONNECTION_CREDENTIALS.id, client.credentialsRow);
    this.#clients.set(caller.connectionId, client);
  }

  /** Deletes the rows of a client that goes. */
  delete(transaction: Transaction, caller: Caller): void {
    const client = this.#clients.get(caller.connectionId);
    if (client === undefined) return;
    transaction.deleteRows(ST_CLIENT.id, [client.clientRow]);
    transaction.deleteRows(ST_CONNECTION_CREDENTIALS.id, [client.credentialsRow]);
  }

  /** Forgets a client whose rows are gone, or were never committed. */
  forget(caller: Caller): void {
    this.#clients.delete(caller.connectionId);
  }

  /** Forgets all: their rows are gone. */
  clear(): void {
    this.#clients.clear();
  }

  has(caller: Caller): boolean {
    return this.#clients.has(caller.connectionId);
  }

  /** The token payload by which a connection came; empty when it is not here. */
  payloadOf(connectionId: bigint): Uint8Array {
    return this.#clients.get(connectionId)?.payload ?? NO_PAYLOAD;
  }
}

function makeClient({ identity, connectionId }: Caller, jwtPayload: string): ConnectedClient {
  const credentialsRow = credentialsCodec.encode([connectionId, jwtPayload]);
  return {
    clientRow: clientCodec.encode([identity, connectionId]),
    credentialsRow,
    // The text of the second column, without its length.
    payload: credentialsCodec.columnBytes(credentialsRow, 1).subarray(4),
  };
}

/** The number that an identity or a connection id is. */
function toNumber(value: AlgebraicValue | undefined): bigint {
  assert(typeof value === 'bigint', 'identities and connection ids are stored as numbers');
  return value;
}
