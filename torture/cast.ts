/*
 * The processes of a run, and the proxies between them. Invariants:
 * - each client has a proxy of its own, whose address it keeps over its restarts; the server moves behind them;
 * - a process that ends without having been asked to is a failure.
 */
import { join } from 'node:path';
import { ChaosProxy } from './chaos-proxy.ts';
import { Child } from './child.ts';

export type Role = 'writer' | 'reader' | 'worker' | 'archiver' | 'migrator';

/** What the server says when it is ready. */
export interface ServerFacts {
  readonly address: string;
  readonly ownerToken: string;
  readonly readerToken: string;
}

/** A client, over its restarts. */
export interface Player {
  readonly role: Role;
  readonly name: string;
  readonly proxy: ChaosProxy;
  readonly args: readonly string[];
  child: Child | undefined;
  starts: number;
}

/** Most memory that one process may hold. */
export interface MemoryBounds {
  readonly clientBytes: number;
  readonly serverBytes: number;
}

/** All processes of a run. */
export class Cast {
  readonly directory: string;
  readonly players: Player[] = [];
  /** What went wrong by itself. */
  readonly faults: string[] = [];
  /** The most memory that each process held. */
  readonly peakBytes = new Map<string, number>();
  server: Child | undefined;
  serverStarts = 0;
  facts: ServerFacts | undefined;
  readonly #bounds: MemoryBounds;

  constructor(directory: string, bounds: MemoryBounds) {
    this.directory = directory;
    this.#bounds = bounds;
  }

  /** Starts the server over the same data, and leads every proxy to it. */
  async startServer(): Promise<void> {
    const server = new Child('server', [join(this.directory, 'data')]);
    this.server = server;
    this.serverStarts += 1;
    this.#watch('server', server);
    const facts = (await server.next()) as ServerFacts | undefined; // what it prints
    if (facts === undefined) return; // killed while it started, or a fault that is noted
    this.facts = facts;
    for (const { proxy } of this.players) proxy.upstream = facts.address;
  }

  async add(role: Role, name: string, args: readonly string[]): Promise<Player> {
    const proxy = await ChaosProxy.open();
    if (this.facts !== undefined) proxy.upstream = this.facts.address;
    const player: Player = { role, name, proxy, args, child: undefined, starts: 0 };
    this.players.push(player);
    return player;
  }

  /** Starts a client, or starts it again. */
  start(player: Player): void {
    const { role, name, proxy, args } = player;
    const [token = '', ...rest] = args;
    const child = new Child(role, [proxy.address, token, name, this.directory, ...rest]);
    player.child = child;
    player.starts += 1;
    this.#watch(name, child);
  }

  /** Notes how much memory everybody holds, and who holds too much. */
  weigh(): void {
    this.#weigh('server', this.server, this.#bounds.serverBytes);
    for (const { name, child } of this.players) this.#weigh(name, child, this.#bounds.clientBytes);
  }

  /** Ends everything that is still there. */
  async close(): Promise<void> {
    const children = [this.server, ...this.players.map(({ child }) => child)].flatMap((child) => child ?? []);
    for (const child of children) child.signal('SIGKILL');
    await Promise.all(children.map(({ ended }) => ended));
    await Promise.all(this.players.map(({ proxy }) => proxy.close()));
  }

  #watch(name: string, child: Child): void {
    void child.ended.then((how) => {
      if (!child.isEnding || (how !== 'SIGKILL' && how !== '0')) {
        this.faults.push(`${name} (process ${child.pid}) ended by itself with ${how}: ${child.errors}`);
      }
    });
  }

  #weigh(name: string, child: Child | undefined, bound: number): void {
    const bytes = child?.residentBytes();
    if (bytes === undefined) return;
    const peak = this.peakBytes.get(name) ?? 0;
    if (bytes > peak) this.peakBytes.set(name, bytes);
    if (bytes > bound && peak <= bound) {
      this.faults.push(
        `${name} (process ${child?.pid}) holds ${mebibytes(bytes)} MiB; the bound is ${mebibytes(bound)}`,
      );
    }
  }
}

/** Whole mebibytes. */
export function mebibytes(bytes: number): number {
  return Math.round(bytes / 1_048_576);
}
