import { expect } from 'vitest';
import { call, oneOff, subscribe, unsubscribe } from '../session-fixtures/test-client.ts';
import { bsatn, hex, strings } from './encoding.ts';
import { fixture } from './forms.ts';
import type { ProtocolClient } from './protocol-client.ts';
import { section } from './rule.ts';

/** The bytes of the payloads that a message is answered with; times are dotted out, they are what they are. */
async function answerTo(client: ProtocolClient, message: Uint8Array): Promise<string> {
  const seen = client.payloads.length;
  await client.ask(message);
  return client.payloads.slice(seen).map(hex).join(' ');
}

const compact = (text: string): string => text.replaceAll(/\s/g, '');
const BADGE = '05000000 6261646765';
const NO_ROWS = '01 00000000 00000000';

section('Messages, byte by byte', { module: fixture('conf-rooms.ts') }, (rule) => {
  rule('SubscribeApplied, UnsubscribeApplied and SubscriptionError', async (host) => {
    const client = await host.dial({ as: 'ada', version: 'v2' });
    await client.ask(call('reducer', 1, 'steps', strings(['wipe', 'badge 1 2'])));
    expect(await answerTo(client, subscribe(7, 9, 'SELECT * FROM badge'))).toBe(
      compact(`01 07000000 09000000 01000000 ${BADGE} 00 0800 08000000 01000000 02000000`),
    );
    expect(await answerTo(client, unsubscribe(7, 9, false))).toBe(compact('02 07000000 09000000 01'));
    await client.ask(subscribe(7, 9, 'SELECT * FROM badge'));
    expect(await answerTo(client, unsubscribe(7, 9, true))).toBe(
      compact(`02 07000000 09000000 00 01000000 ${BADGE} 00 0800 08000000 01000000 02000000`),
    );
    expect(await answerTo(client, unsubscribe(7, 9, true))).toMatch(/^03000700000009000000/);
  });
  rule('TransactionUpdate: inserts before deletes, and no rows as an empty list of offsets', async (host) => {
    const client = await host.dial({ as: 'ada', version: 'v2' });
    await host.sql('DELETE FROM badge');
    await client.ask(subscribe(7, 9, 'SELECT * FROM badge'));
    const seen = client.payloads.length;
    await host.sql('INSERT INTO badge (team_id, grade) VALUES (1, 2)');
    await host.sql('DELETE FROM badge');
    await client.until(() => client.payloads.length === seen + 2);
    const head = compact(`04 01000000 09000000 01000000 ${BADGE} 01000000 00`);
    const row = compact('00 0800 08000000 01000000 02000000');
    expect(client.payloads.slice(seen).map(hex)).toEqual([
      `${head}${row}${compact(NO_ROWS)}`,
      `${head}${compact(NO_ROWS)}${row}`,
    ]);
  });
  rule(
    "ReducerResult: committed with the caller's changes or none, refused with a string in bytes, failed with a text",
    async (host) => {
      const client = await host.dial({ as: 'ada', version: 'v2' });
      await host.sql('DELETE FROM badge');
      const time = '.{16}';
      expect(await answerTo(client, call('reducer', 7, 'steps', strings([])))).toMatch(
        new RegExp(`^${compact(`06 07000000 ${time} 00 00000000 00000000`)}$`),
      );
      await client.ask(subscribe(7, 9, 'SELECT * FROM badge'));
      expect(await answerTo(client, call('reducer', 7, 'steps', strings(['badge 1 2'])))).toMatch(
        new RegExp(
          `^${compact(`06 07000000 ${time} 00 00000000 01000000 09000000 01000000 ${BADGE} 01000000 00 00 0800 08000000 01000000 02000000 ${NO_ROWS}`)}$`,
        ),
      );
      const refusal = hex(bsatn((writer) => writer.string('there is no step "x"')));
      expect(await answerTo(client, call('reducer', 7, 'steps', strings(['x'])))).toMatch(
        new RegExp(`^${compact(`06 07000000 ${time} 02 18000000`)}${refusal}$`),
      );
      const failure = hex(bsatn((writer) => writer.string('no such reducer')));
      expect(await answerTo(client, call('reducer', 7, 'none'))).toMatch(
        new RegExp(`^${compact(`06 07000000 ${time} 03`)}${failure}$`),
      );
    },
  );
  rule('OneOffQueryResult: one table, rows of several lengths by their starts, or an error', async (host) => {
    const client = await host.dial({ as: 'ada', version: 'v2' });
    await client.ask(call('reducer', 1, 'steps', strings(['wipe', 'wide 1 1', 'wide 2 2'])));
    const rows = '01000000 01000000 78 02000000 02000000 7878';
    expect(await answerTo(client, oneOff(7, 'SELECT * FROM wide'))).toBe(
      compact(
        `05 07000000 00 01000000 04000000 77696465 01 02000000 0000000000000000 0900000000000000 13000000 ${rows}`,
      ),
    );
    expect(await answerTo(client, oneOff(7, 'SELECT'))).toMatch(/^050700000001/);
  });
  rule('an event is an EventTable, with rows and nothing else', async (host) => {
    const client = await host.dial({ as: 'ada', version: 'v2' });
    await client.ask(subscribe(7, 9, 'SELECT * FROM bell'));
    expect(await answerTo(client, call('reducer', 7, 'steps', strings(['bell 5 ab'])))).toMatch(
      new RegExp(
        `^${compact(`06 07000000 .{16} 00 00000000 01000000 09000000 01000000 04000000 62656c6c 01000000 01 00 0a00 0a000000 05000000 02000000 6162`)}$`,
      ),
    );
  });
  rule('answers to one payload go out together in v3, and each by itself in v2', async (host) => {
    const ids = Array.from({ length: 100 }, (_, at) => at + 1);
    const messages = ids.map((id) => oneOff(id, 'SELECT * FROM badge'));
    const [v2, v3] = [await host.dial({ version: 'v2' }), await host.dial({ version: 'v3' })];
    for (const message of messages) v2.say(message);
    v3.say(...messages);
    for (const client of [v2, v3]) await client.until(() => client.messages.length === 101);
    expect(v2.payloads).toHaveLength(101);
    expect(v3.payloads.length).toBeLessThan(20);
  });
});
