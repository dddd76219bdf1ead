import type { DbConnection } from '../fixtures/sdk.ts';
import { drive, makePairs, type Load, type Measured } from './load.ts';

/** Money on each account at first: enough that no transfer of 1 is ever refused. */
const BALANCE = 1_000_000_000n;

const ACCOUNTS_PER_CALL = 10_000;

/** Opens the accounts of the load. */
export async function openAccounts(connection: DbConnection, { accounts }: Load): Promise<void> {
  for (let first = 0; first < accounts; first += ACCOUNTS_PER_CALL) {
    const count = Math.min(ACCOUNTS_PER_CALL, accounts - first);
    await connection.reducers.openAccounts({ first, count, balance: BALANCE });
  }
}

/** Drives transfers through connections of the official client. */
export async function transferThrough(connections: readonly DbConnection[], load: Load): Promise<Measured> {
  const choose = makePairs(load);
  return drive(load, (index) => {
    const [from, to] = choose();
    const connection = connections[index];
    if (connection === undefined) throw new Error(`there is no connection ${index}`);
    return connection.reducers.transfer({ from, to, amount: 1n });
  });
}
