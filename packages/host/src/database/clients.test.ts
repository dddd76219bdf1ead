import { describe, expect, test } from 'vitest';
import { ADA, BOB, openModule } from '../../test/module-database.ts';
import { createMemoryStorage, makeMemoryContents } from '../storage/memory-storage.ts';

const payload = (subject: string): string => JSON.stringify({ sub: subject, iss: 'test' });

describe('client_connected', () => {
  test('registers the client with its token and sees who it is', async () => {
    const db = await openModule('people.ts');
    const commits: string[] = [];
    db.database.onCommit(({ kind, functionName, deltas }) => commits.push(`${kind} ${functionName} ${deltas.length}`));
    expect(db.database.connect(ADA, payload('ada'))).toEqual({ type: 'accepted', offset: 1n });
    expect(db.rows('st_client')).toEqual([[ADA.identity, ADA.connectionId]]);
    expect(db.rows('st_connection_credentials')).toEqual([[ADA.connectionId, payload('ada')]]);
    expect(db.rows('visit')).toEqual([[[ADA.connectionId], [ADA.identity], 'ada']]);
    expect(commits).toEqual(['lifecycle on_connect 3']);
  });

  test.each([
    ['banned', 'banned'],
    ['crash', 'The instance encountered a fatal error.'],
  ])('that throws (%s) refuses the client and leaves no trace', async (subject, message) => {
    const db = await openModule('people.ts');
    expect(db.database.connect(ADA, payload(subject))).toEqual({ type: 'rejected', message });
    expect(db.rows('st_client')).toEqual([]);
    expect(db.rows('visit')).toEqual([]);
    db.database.disconnect(ADA);
    expect(db.result('disconnected')).toBeUndefined();
    expect(db.database.connect(ADA, payload('ada'))).toMatchObject({ type: 'accepted' });
  });

  test('takes each connection id once', async () => {
    const db = await openModule('people.ts');
    db.database.connect(ADA, payload('ada'));
    expect(db.database.connect({ ...BOB, connectionId: ADA.connectionId }, payload('bob'))).toEqual({
      type: 'rejected',
      message: 'the connection id is in use',
    });
  });
});

describe('client_disconnected', () => {
  test('runs once, and the rows go with it', async () => {
    const db = await openModule('people.ts');
    db.database.connect(ADA, payload('ada'));
    db.database.connect(BOB, payload('bob'));
    db.database.disconnect(ADA);
    db.database.disconnect(ADA);
    expect(db.rows('st_client')).toEqual([[BOB.identity, BOB.connectionId]]);
    expect(db.rows('st_connection_credentials')).toHaveLength(1);
    expect(db.rows('visit')).toHaveLength(1);
    expect(db.result('disconnected')).toBe('1');
  });

  test('that fails is logged, and the rows go all the same', async () => {
    const db = await openModule('failing-disconnect.ts');
    db.database.connect(ADA, payload('ada'));
    db.database.disconnect(ADA);
    expect(db.rows('st_client')).toEqual([]);
    expect(db.rows('st_connection_credentials')).toEqual([]);
    expect(db.rows('thing')).toEqual([]);
    expect(db.logTexts()[0]).toMatch(/^panic: Error: cannot say goodbye/);
  });

  test('runs at the next start for clients that a crash left behind', async () => {
    const contents = makeMemoryContents();
    const first = await openModule('people.ts', { storage: createMemoryStorage({ contents }) });
    first.database.connect(ADA, payload('ada'));
    first.database.connect(BOB, payload('bob'));
    // Not closed: as after a crash, the stored rows say that both are here.
    const second = await openModule('people.ts', { storage: createMemoryStorage({ contents }) });
    expect(second.rows('st_client')).toEqual([]);
    expect(second.rows('st_connection_credentials')).toEqual([]);
    expect(second.rows('visit')).toEqual([]);
    expect(second.result('disconnected')).toBe('2');
    expect(second.database.connect(ADA, payload('ada'))).toMatchObject({ type: 'accepted' });
  });
});
