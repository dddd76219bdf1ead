import { expect, test } from 'vitest';
import { onceWritable } from './once-writable.ts';

/** A database that is writable as the script says, entry by entry, each time it is waited for. */
class Waiting {
  readonly #script: ('yes' | 'no' | 'never')[];
  writable = false;

  constructor(...script: ('yes' | 'no' | 'never')[]) {
    this.#script = script;
  }

  async whenWritable(): Promise<void> {
    const next = this.#script.shift();
    if (next === 'never') throw new Error('the storage failed');
    this.writable = next === 'yes';
  }
}

const callOf = (database: Waiting) => onceWritable(database, () => `called, writable ${database.writable}`);

test('a call is made when the database is writable, and not when somebody else came first', async () => {
  expect(await callOf(new Waiting('yes'))).toBe('called, writable true');
  expect(await callOf(new Waiting('no', 'no', 'yes'))).toBe('called, writable true');
});

test('a call is made at once when it would wait for ever: it may only read', async () => {
  expect(await callOf(new Waiting('never'))).toBe('called, writable false');
});

test('a database that becomes writable is called in the same turn', async () => {
  const database = new Waiting();
  database.writable = true;
  let isCalled = false;
  void onceWritable(database, () => (isCalled = true));
  expect(isCalled).toBe(true);
});
