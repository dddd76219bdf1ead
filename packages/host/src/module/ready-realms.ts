import { LateTarget, type RealmUser } from './late-target.ts';
import type { ModuleRealm, RealmEvents } from './realm-port.ts';
import type { SystemCallTarget } from './system-functions.ts';

/** How long nothing was asked for before a realm is made in advance. */
const IDLE_MS = 2;

interface ReadyRealm {
  readonly realm: ModuleRealm;
  readonly late: LateTarget;
}

/** Makes a realm of one program. @throws {HostError} `module/load-failed`, `module/unsupported` */
export type MakeRealm = (target: SystemCallTarget, events: RealmEvents) => ModuleRealm;

/**
 * Realms of one program that are made in advance, when the process has nothing else to do. Each is given out once: a
 * realm is never shared.
 *
 * Invariants:
 * - At most `size` realms wait.
 * - What a realm logs while it is made is told to whom it is given, as if it were made for him.
 * - A program that asks for more than to log while it is loaded has no realms made in advance.
 */
export class ReadyRealms {
  readonly #make: MakeRealm;
  readonly #size: number;
  readonly #ready: ReadyRealm[] = [];
  #timer: NodeJS.Timeout | undefined;
  #isEnabled = true;

  constructor(make: MakeRealm, size: number) {
    this.#make = make;
    this.#size = size;
  }

  /** Count of realms that wait. */
  get waiting(): number {
    return this.#ready.length;
  }

  /** A realm that waits, or a new one. @throws {HostError} `module/load-failed`, `module/unsupported` */
  take(user: RealmUser): ModuleRealm {
    this.#fillWhenIdle();
    const ready = this.#ready.pop();
    if (ready === undefined) return this.#make(user.target, user.events);
    ready.late.bind(user);
    ready.late.tellEarlyLogs(user);
    return ready.realm;
  }

  /** Closes the realms that wait, and makes no more in advance. */
  close(): void {
    this.#isEnabled = false;
    clearTimeout(this.#timer);
    for (const { realm } of this.#ready.splice(0)) realm.close();
  }

  /** One realm in a turn, so that what comes meanwhile waits for one at most. */
  #fillWhenIdle(): void {
    if (!this.#isEnabled || this.#size === 0) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#addOne(), IDLE_MS);
    this.#timer.unref();
  }

  #addOne(): void {
    if (this.#ready.length >= this.#size) return;
    const late = new LateTarget();
    const realm = this.#tryMake(late);
    if (realm === undefined) return;
    if (!late.isReusable) {
      realm.close();
      this.close();
      return;
    }
    this.#ready.push({ realm, late });
    this.#fillWhenIdle();
  }

  #tryMake(late: LateTarget): ModuleRealm | undefined {
    try {
      return this.#make(late, late);
    } catch {
      // Whoever takes the next realm makes it himself, and hears of it.
      this.close();
      return undefined;
    }
  }
}
