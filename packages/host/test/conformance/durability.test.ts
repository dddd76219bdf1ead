import { expect } from 'vitest';
import { call, subscribe } from '../session-fixtures/test-client.ts';
import { bsatn, strings } from './encoding.ts';
import { type ConformanceHost, fixture } from './forms.ts';
import { section } from './rule.ts';

const ROOMS = { module: fixture('conf-rooms.ts'), isFresh: true };

async function write(host: ConformanceHost, ...list: string[]): Promise<void> {
  const client = await host.dial({ as: 'ada' });
  expect(await client.ask(call('reducer', 1, 'steps', strings(list)))).toMatchObject({ outcome: 'ok' });
}

section('What outlives a restart', ROOMS, (rule) => {
  rule('what was acknowledged is there, and nothing of what failed', async (host) => {
    await write(host, 'member 1 ada 7', 'team 7 red', 'link 1 word', 'secret 1 hush', 'bell 1 ring');
    const client = await host.dial({ as: 'ada' });
    await client.ask(call('reducer', 2, 'steps', strings(['member 2 gone 7', 'no such step'])));
    await write(host, '*member 1 eve 8', 'member 3 bob 8', '-member 3');
    await host.restart();
    expect(await host.sql('SELECT * FROM member')).toEqual([{ id: 1, nickName: 'eve', teamId: 8 }]);
    expect(await host.sql('SELECT * FROM loose_link')).toEqual([{ memberId: 1, word: 'word' }]);
    expect(await host.sql('SELECT * FROM secret')).toHaveLength(1);
    expect(await host.sql('SELECT * FROM bell')).toEqual([]);
  });
  rule('identity, owner, name, tokens and program are the same', async (host) => {
    const before = { identity: host.hosted.identity, owner: host.hosted.owner, ada: await host.identityOf('ada') };
    await host.restart();
    expect({ identity: host.hosted.identity, owner: host.hosted.owner, ada: await host.identityOf('ada') }).toEqual(
      before,
    );
    await write(host, 'team 1 after');
    expect(await host.sql('SELECT title FROM team')).toEqual([{ title: 'after' }]);
  });
  rule('keys and indexes are as good as before, and so are subscriptions to what comes', async (host) => {
    await write(host, ...Array.from({ length: 300 }, (_, id) => `member ${id} m${id} ${id % 7}`));
    await host.restart();
    const client = await host.dial({ as: 'ada' });
    await client.ask(subscribe(1, 1, 'SELECT * FROM member WHERE team_id = 3'));
    expect(client.held('member')).toHaveLength(43);
    expect(await client.ask(call('reducer', 2, 'steps', strings(['member 5 twice 3'])))).toMatchObject({
      outcome: 'internal',
    });
    await client.ask(call('reducer', 3, 'steps', strings(['*member 5 moved 3', '-member 3'])));
    expect(client.held('member')).toHaveLength(43);
  });
  rule('values of every type come back as they were', async (host) => {
    const client = await host.dial({ as: 'ada' });
    const who = await host.identityOf('ada');
    await client.ask(
      call(
        'reducer',
        1,
        'fill_every',
        bsatn((writer) => (writer.u256(who), writer.i64(-5n))),
      ),
    );
    const before = await host.sql('SELECT * FROM every');
    await host.restart();
    expect(await host.sql('SELECT * FROM every')).toEqual(before);
    expect(before).toMatchObject([{ who, u64: 2n ** 63n, f32: Infinity }, { text: '5' }]);
  });
  rule('several restarts, with and without anything written between', async (host) => {
    for (let turn = 1; turn <= 2; turn += 1) {
      await write(host, `team ${turn} t`);
      await host.restart();
      await host.restart();
    }
    expect(await host.sql('SELECT id FROM team')).toEqual([{ id: 1 }, { id: 2 }]);
  });
});
