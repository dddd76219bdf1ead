import { compileRowCodec } from '../bsatn/row-codec.ts';
import type { AlgebraicValue } from '../bsatn/algebraic-type.ts';
import type { Row, StateView } from '../datastore/state-view.ts';
import { ST_CLIENT, ST_CONNECTION_CREDENTIALS } from '../datastore/system-tables.ts';
import type { Transaction } from '../datastore/transaction.ts';
import { BsatnError } from '../bsatn/bsatn-error.ts';
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
 * Invariant: what is registered is exactly what those tables hold, as of the last commit or inside the call that is
 * about to commit or undo it.
 */
export class ClientRegistry {
  readonly #clients: Map<string, ConnectedClient> = new Map();

  /** Takes up what the tables hold, and gives the clients that a crash left there. */
  restore(state: StateView): Caller[] {
    const payloads = new Map<bigint, string>();
    for (const row of state.table(ST_CONNECTION_CREDENTIALS.id).scan()) {
      const [connectionId, payload] = credentialsCodec.decode(row);
      payloads.set(unwrap(connectionId), String(payload));
    }
    const callers: Caller[] = [];
    for (const row of state.table(ST_CLIENT.id).scan()) {
      const [identity, connectionId] = clientCodec.decode(row);
      const caller = { identity: unwrap(identity), connectionId: unwrap(connectionId) };
      this.#clients.set(keyOf(caller), makeClient(caller, payloads.get(caller.connectionId) ?? ''));
      callers.push(caller);
    }
    return callers;
  }

  /** Writes the rows of a client that comes. */
  insert(transaction: Transaction, caller: Caller, jwtPayload: string): void {
    const client = makeClient(caller, jwtPayload);
    transaction.insert(ST_CLIENT.id, client.clientRow);
    transaction.insert(ST_CONNECTION_CREDENTIALS.id, client.credentialsRow);
    this.#clients.set(keyOf(caller), client);
  }

  /** Deletes the rows of a client that goes. */
  delete(transaction: Transaction, caller: Caller): void {
    const client = this.#clients.get(keyOf(caller));
    if (client === undefined) return;
    transaction.deleteRows(ST_CLIENT.id, [client.clientRow]);
    transaction.deleteRows(ST_CONNECTION_CREDENTIALS.id, [client.credentialsRow]);
  }

  /** Forgets a client whose rows are gone, or were never committed. */
  forget(caller: Caller): void {
    this.#clients.delete(keyOf(caller));
  }

  has(caller: Caller): boolean {
    return this.#clients.has(keyOf(caller));
  }

  /** The token payload by which a connection came; empty when it is not here. */
  payloadOf(connectionId: bigint): Uint8Array {
    for (const [key, { payload }] of this.#clients) if (key.endsWith(`:${connectionId}`)) return payload;
    return NO_PAYLOAD;
  }
}

function makeClient({ identity, connectionId }: Caller, jwtPayload: string): ConnectedClient {
  const credentialsRow = credentialsCodec.encode([[connectionId], jwtPayload]);
  return {
    clientRow: clientCodec.encode([[identity], [connectionId]]),
    credentialsRow,
    // The text of the second column, without its length.
    payload: credentialsCodec.columnBytes(credentialsRow, 1).subarray(4),
  };
}

function keyOf({ identity, connectionId }: Caller): string {
  return `${identity}:${connectionId}`;
}

/** The number in an identity or a connection id. */
function unwrap(value: AlgebraicValue | undefined): bigint {
  const [number] = Array.isArray(value) ? (value as readonly AlgebraicValue[]) : [];
  if (typeof number !== 'bigint') throw new BsatnError('a system row holds no identity', 0);
  return number;
}
