import fc from 'fast-check';
import { call, oneOff, subscribe, unsubscribe } from '../../session-fixtures/test-client.ts';
import { fromHex, hex, strings } from '../../conformance/encoding.ts';
import { ConformanceHost, fixture } from '../../conformance/forms.ts';
import type { ProtocolClient, Version } from '../../conformance/protocol-client.ts';
import { readCorpus } from './corpus.ts';
import type { FuzzTarget } from './fuzz-target.ts';
import { spoiled } from './spoil.ts';

interface Input {
  readonly version: Version;
  readonly payloads: readonly Uint8Array[];
}

/** The request that is asked behind every input. */
const LAST_REQUEST = 4_000_000_000;

/** Messages that are in order, to be spoiled. */
const sound: fc.Arbitrary<readonly number[]> = fc
  .oneof(
    fc.constantFrom(...readCorpus('frames')).map(fromHex),
    fc.nat(9).map((id) => subscribe(id, id % 4, 'SELECT * FROM member', 'SELECT * FROM bell')),
    fc.nat(9).map((id) => subscribe(id, id % 4, 'SELECT m.* FROM member m JOIN team t ON m.team_id = t.id')),
    fc.nat(9).map((id) => unsubscribe(id, id % 4, id % 2 === 0)),
    fc.nat(9).map((id) => oneOff(id, 'SELECT * FROM member WHERE id = 1')),
    fc
      .nat(9)
      .map((id) => call('reducer', id, 'steps', strings([`member ${id} x 1`, `-member ${id + 1}`, `bell ${id} y`]))),
    fc.nat(9).map((id) => call('reducer', id, 'steps', strings(['no such step']))),
    fc.nat(9).map((id) => call('procedure', id, 'nothing')),
  )
  .map((bytes) => [...bytes]);

const byte = fc.oneof(fc.constantFrom(0, 1, 2, 3, 4, 5, 0x7f, 0x80, 0xfe, 0xff), fc.nat({ max: 255 }));

/**
 * Payloads of strangers. Whatever they send: each message is answered or the connection ends with 1011 and a reason
 * that fits its frame, nobody else notices, and whoever follows the tables has exactly what is in them.
 */
export class FrameTarget implements FuzzTarget<Input> {
  readonly name = 'frames';
  readonly inputs: fc.Arbitrary<Input> = fc.record({
    version: fc.constantFrom<Version>('v2', 'v3'),
    payloads: fc.array(
      fc
        .oneof(
          {
            weight: 8,
            arbitrary: spoiled(
              fc.array(sound, { maxLength: 3 }).map((list) => list.flat()),
              byte,
              3,
            ),
          },
          { weight: 1, arbitrary: fc.array(byte, { maxLength: 100 }) },
        )
        .map((bytes) => Uint8Array.from(bytes)),
      { minLength: 1, maxLength: 4 },
    ),
  });
  readonly #host: ConformanceHost;
  readonly #witness: ProtocolClient;

  private constructor(host: ConformanceHost, witness: ProtocolClient) {
    this.#host = host;
    this.#witness = witness;
  }

  static async open(): Promise<FrameTarget> {
    const host = await ConformanceHost.open('memory', { module: fixture('conf-rooms.ts') });
    const witness = await host.dial({ as: 'witness' });
    await witness.ask(subscribe(1, 1, 'SELECT * FROM member', 'SELECT * FROM team', 'SELECT * FROM badge'));
    return new FrameTarget(host, witness);
  }

  write({ version, payloads }: Input): string {
    return [version, ...payloads.map(hex)].join(' ');
  }

  /** A line of the corpus is one payload of v3. */
  read(line: string): Input {
    const [first = '', ...rest] = line.split(' ');
    if (first !== 'v2' && first !== 'v3') return { version: 'v3', payloads: [fromHex(line)] };
    return { version: first, payloads: rest.map(fromHex) };
  }

  async run({ version, payloads }: Input): Promise<void> {
    const client = await this.#host.dial({ version });
    for (const payload of payloads) client.say(payload);
    client.say(oneOff(LAST_REQUEST, 'SELECT * FROM team'));
    const isAnswered = (): boolean =>
      client.messages.some((message) => message.type === 'one-off' && message.requestId === LAST_REQUEST);
    await client.until(() => isAnswered() || client.closed !== undefined);
    if (!isAnswered()) {
      const { code, reason } = client.closed ?? { code: 0, reason: '' };
      const bytes = Buffer.byteLength(reason);
      if (code !== 1011 || bytes === 0 || bytes > 123) throw new Error(`ended with ${code} and "${reason}"`);
    }
    client.close();
    await this.#assertWitness();
  }

  async close(): Promise<void> {
    const bugs = this.#host.logs.filter((line) => /^(error|panic): .*bug in/.test(line));
    await this.#host.close();
    if (bugs.length > 0) throw new Error(`the host reported bugs of its own: ${bugs.join('\n')}`);
  }

  /** Updates come in commit order: the answer to a question asked now comes behind all of them. */
  async #assertWitness(): Promise<void> {
    for (const table of ['member', 'team', 'badge']) {
      const answer = await this.#witness.ask(oneOff(1, `SELECT * FROM ${table}`));
      const present = answer.type === 'one-off' ? (answer.tables?.[0]?.rows ?? []).toSorted() : [];
      if (JSON.stringify(present) !== JSON.stringify(this.#witness.held(table))) {
        throw new Error(`a client that follows ${table} does not have what is in it`);
      }
    }
  }
}
