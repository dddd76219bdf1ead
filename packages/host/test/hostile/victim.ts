import { connect as connectTcp, type Socket } from 'node:net';
import { expect } from 'vitest';
import type { LogRecord } from '../../src/clock/clock.ts';
import { BsatnWriter } from '../../src/bsatn/writer.ts';
import { ST_CLIENT, ST_CONNECTION_CREDENTIALS } from '../../src/datastore/system-tables.ts';
import type { Host } from '../../src/host.ts';
import { openHost } from '../../src/open-host.ts';
import type { HostOptions } from '../../src/host-options.ts';
import type { RunningServer } from '../../src/server/serve.ts';
import type { SessionHub } from '../../src/session/session-hub.ts';
import { bundleOf } from '../module-database.ts';
import type { DecodedUpdate } from '../session-fixtures/decode-server-message.ts';
import { call, oneOff, subscribe } from '../session-fixtures/test-client.ts';
import { WireClient } from '../session-fixtures/wire-client.ts';

const FOLLOWED = ['person', 'note', 'result'];

/**
 * A served host that runs the module `people.ts`, and a decent client of it: whatever others do, this client must go on
 * being served, and must hold exactly the rows that are there.
 */
export class Victim {
  readonly host: Host;
  readonly server: RunningServer;
  readonly logs: readonly LogRecord[];
  readonly #witness: WireClient;
  #calls = 0;

  private constructor(host: Host, parts: { server: RunningServer; logs: LogRecord[]; witness: WireClient }) {
    this.host = host;
    this.server = parts.server;
    this.logs = parts.logs;
    this.#witness = parts.witness;
  }

  static async start(options: Partial<HostOptions> = {}): Promise<Victim> {
    const logs: LogRecord[] = [];
    const host = await openHost({
      memory: options.data === undefined,
      logger: { log: (record) => void logs.push(record) },
      ...options,
    });
    await host.createDatabase({ name: 'test', module: await bundleOf('people.ts') });
    const server = await host.serve({ host: '127.0.0.1', port: 0 });
    const witness = await WireClient.open(server.address, { token: host.ownerToken });
    expect(await witness.ask(subscribe(0, 1, ...FOLLOWED.map((table) => `SELECT * FROM ${table}`)))).toMatchObject({
      type: 'subscribed',
    });
    return new Victim(host, { server, logs, witness });
  }

  get address(): string {
    return this.server.address;
  }

  /** Clients that the database knows, by its own tables and by its sessions; the decent one not counted. */
  get strangers(): number[] {
    const { local, sessions } = this.host.database('test');
    const rows = [ST_CLIENT, ST_CONNECTION_CREDENTIALS].map(({ id }) => local.committed.table(id).rowCount);
    // It runs in this thread, where its sessions are a hub.
    return [...rows, (sessions as SessionHub).size].map((count) => count - 1);
  }

  /** The decent client writes, is answered, and sees what is there; so does one that comes new. */
  async assertServes(): Promise<void> {
    this.#calls += 1;
    const name = `decent ${this.#calls}`;
    const answer = await this.#witness.ask(call('reducer', this.#calls, 'add_person', personArgs(name)));
    expect(answer).toMatchObject({ type: 'reducer', requestId: this.#calls, outcome: 'ok' });
    const fresh = await WireClient.open(this.address);
    expect(await fresh.ask(oneOff(1, `SELECT * FROM person WHERE name = '${name}'`))).toMatchObject({
      type: 'one-off',
      tables: [{ table: 'person', rows: [expect.any(String)] }],
    });
    fresh.socket.close();
    expect(await this.#heldRows()).toEqual(this.#presentRows());
    expect(this.bugs).toEqual([]);
  }

  /** What the host reported as an error of its own. */
  get bugs(): string[] {
    const isBug = ({ level, source }: LogRecord) => source === 'host' && (level === 'error' || level === 'panic');
    return this.logs.filter(isBug).map(({ message }) => message);
  }

  /** Resolves when nobody but the decent client is connected. */
  async assertAlone(): Promise<void> {
    await eventually(() => this.strangers.every((count) => count === 0));
  }

  async close(): Promise<void> {
    await this.host.close();
  }

  /** The rows that the decent client was told of, counted as a strict client counts. */
  async #heldRows(): Promise<string[]> {
    // Updates arrive in commit order: the answer to a question asked now comes after all of them.
    await this.#witness.ask(oneOff(0, 'SELECT * FROM person WHERE id = 0'));
    const held = new Map<string, number>();
    const add = (table: string, row: string, count: number) => {
      const key = `${table} ${row}`;
      const now = (held.get(key) ?? 0) + count;
      if (now < 0) throw new Error(`a row is deleted that was not there: ${key}`);
      if (now === 0) held.delete(key);
      else held.set(key, now);
    };
    const apply = (updates: readonly DecodedUpdate[]) => {
      for (const { table, inserts, deletes } of updates) {
        for (const row of deletes) add(table, row, -1);
        for (const row of inserts) add(table, row, 1);
      }
    };
    for (const message of this.#witness.messages) {
      if (message.type === 'subscribed')
        for (const { table, rows } of message.tables) for (const row of rows) add(table, row, 1);
      if (message.type === 'update' || message.type === 'reducer') {
        apply(message.updates);
      }
    }
    return [...held].map(([key, count]) => `${count} ${key}`).sort();
  }

  #presentRows(): string[] {
    const { local: database } = this.host.database('test');
    const tables = database.tables.filter(({ name }) => FOLLOWED.includes(name));
    return tables
      .flatMap(({ id, name }) =>
        [...database.committed.table(id).scan()].map((row) => `1 ${name} ${Buffer.from(row).toString('hex')}`),
      )
      .sort();
  }
}

/** Arguments of `add_person`. */
export function personArgs(name: string): Uint8Array {
  const writer = new BsatnWriter();
  writer.string(name);
  writer.string('team');
  writer.u32(1);
  return writer.toBytes();
}

/** Arguments of `write_notes`. */
export function noteArgs(count: number, size: number): Uint8Array {
  const writer = new BsatnWriter();
  writer.u32(count);
  writer.u32(size);
  return writer.toBytes();
}

export async function eventually(isMet: () => boolean): Promise<void> {
  while (!isMet()) await new Promise((resolve) => setTimeout(resolve, 2));
}

/** Sends bytes as they are and resolves with all that comes back until the other side closes. */
export function sayRaw(port: number, ...chunks: (string | Uint8Array)[]): Promise<string> {
  return new Promise((resolve) => {
    let answer = '';
    const socket = openTcp(port);
    socket.on('data', (data) => (answer += data.toString('latin1')));
    socket.on('close', () => resolve(answer));
    for (const chunk of chunks) socket.write(chunk);
  });
}

/** A bare connection; that it is reset is nothing to it. */
export function openTcp(port: number): Socket {
  const socket = connectTcp(port, '127.0.0.1');
  socket.on('error', () => undefined);
  return socket;
}

/** The head of a handshake that is in order. */
export const HANDSHAKE =
  'GET /v1/database/test/subscribe HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
  'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n' +
  'Sec-WebSocket-Protocol: v3.bsatn.spacetimedb\r\n\r\n';
