/** What goes wrong, when: follows from the seed. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Cast, Player } from './cast.ts';
import type { Chance } from './chance.ts';
import type { Child } from './child.ts';
import type { Journal } from './journal.ts';

/** Kinds of trouble, and how often each comes. */
const TROUBLES = {
  'kill-server': 3,
  'freeze-server': 2,
  'stop-server': 1,
  'kill-client': 4,
  // Of those whose work is one long row of steps: there are few of them, and every step is one to die between.
  'kill-mover': 4,
  'freeze-client': 3,
  cut: 5,
  'half-open': 3,
  deaf: 1,
  mute: 2,
  slow: 2,
  refuse: 2,
} as const;

type Trouble = keyof typeof TROUBLES;

const PAUSE_MS_MIN = 100;
const PAUSE_MS_MAX = 1_500;
const FREEZE_MS_MAX = 5_000;
const ABSENCE_MS_MAX = 2_500;
const SLOW_MS_MAX = 300;

/** Makes trouble until it is stopped. */
export class Chaos {
  readonly counts = new Map<Trouble, number>();
  readonly #cast: Cast;
  readonly #chance: Chance;
  readonly #journal: Journal;
  readonly #underWay = new Set<Promise<void>>();
  readonly #troubled = new Set<object>();
  #ending = new AbortController();

  constructor(cast: Cast, chance: Chance, journal: Journal) {
    this.#cast = cast;
    this.#chance = chance;
    this.#journal = journal;
  }

  /** Makes trouble for so long, then lets everything that is under way come to its end: all is as it should be then. */
  async run(durationMs: number): Promise<void> {
    const timer = setTimeout(() => this.#ending.abort(), durationMs);
    const { signal } = this.#ending;
    while (!signal.aborted && this.#cast.faults.length === 0) {
      this.#begin(this.#chance.weighted(TROUBLES));
      await rest(this.#chance.between(PAUSE_MS_MIN, PAUSE_MS_MAX), signal);
    }
    clearTimeout(timer);
    this.#ending.abort();
    await Promise.all(this.#underWay);
  }

  #begin(trouble: Trouble): void {
    const { server, players } = this.#cast;
    const isOfServer = trouble === 'kill-server' || trouble === 'freeze-server' || trouble === 'stop-server';
    // Taken in any case, so that what comes next does not depend on what is under way.
    const player = this.#chance.pick(trouble === 'kill-mover' ? players.filter(isMover) : players);
    const lastsMs = this.#chance.between(0, trouble.startsWith('freeze') ? FREEZE_MS_MAX : ABSENCE_MS_MAX);
    const delayMs = this.#chance.between(1, SLOW_MS_MAX);
    const who = isOfServer ? this.#cast : isOfNetwork(trouble) ? player.proxy : player;
    if (this.#troubled.has(who)) return;
    this.#troubled.add(who);
    this.counts.set(trouble, (this.counts.get(trouble) ?? 0) + 1);
    const name = isOfServer ? 'server' : player.name;
    this.#journal.write({ at: Date.now(), trouble, name, lastsMs });
    const make = async (): Promise<void> => {
      if (isOfServer && server !== undefined) await this.#troubleServer(trouble, server, lastsMs);
      else await this.#troubleClient(trouble, player, { lastsMs, delayMs });
    };
    const making = make().finally(() => {
      this.#journal.write({ at: Date.now(), over: trouble, name });
      this.#troubled.delete(who);
      this.#underWay.delete(making);
    });
    this.#underWay.add(making);
  }

  async #troubleServer(trouble: Trouble, server: Child, lastsMs: number): Promise<void> {
    if (trouble === 'freeze-server') {
      await this.#freeze(server, lastsMs);
      return;
    }
    server.signal(trouble === 'kill-server' ? 'SIGKILL' : 'SIGTERM');
    await server.ended;
    await rest(lastsMs, this.#ending.signal);
    await this.#cast.startServer();
  }

  async #troubleClient(
    trouble: Trouble,
    player: Player,
    { lastsMs, delayMs }: { readonly lastsMs: number; readonly delayMs: number },
  ): Promise<void> {
    const { child, proxy } = player;
    if (trouble === 'kill-client' || trouble === 'kill-mover') {
      child?.signal('SIGKILL');
      await child?.ended;
      await rest(lastsMs, this.#ending.signal);
      this.#cast.start(player);
    } else if (trouble === 'freeze-client') {
      if (child !== undefined) await this.#freeze(child, lastsMs);
    } else if (trouble === 'cut') {
      proxy.cut();
    } else if (trouble === 'half-open' || trouble === 'deaf' || trouble === 'mute') {
      proxy.misbehave(trouble);
      await rest(lastsMs, this.#ending.signal);
      proxy.cut();
      proxy.misbehave('none');
    } else if (trouble === 'slow' || trouble === 'refuse') {
      if (trouble === 'refuse') proxy.cut();
      proxy.misbehave(trouble, delayMs);
      await rest(lastsMs, this.#ending.signal);
      proxy.misbehave('none');
    }
  }

  async #freeze(child: Child, lastsMs: number): Promise<void> {
    child.signal('SIGSTOP');
    await rest(lastsMs, this.#ending.signal);
    child.signal('SIGCONT');
  }
}

function isMover({ role }: Player): boolean {
  return role === 'archiver' || role === 'migrator';
}

function isOfNetwork(trouble: Trouble): boolean {
  return ['cut', 'half-open', 'deaf', 'mute', 'slow', 'refuse'].includes(trouble);
}

/** Waits, or until the end. */
async function rest(delayMs: number, signal: AbortSignal): Promise<void> {
  await sleep(delayMs, undefined, { signal }).catch(() => undefined);
}
