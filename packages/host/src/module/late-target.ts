import { makeDetachedFunctions } from './describe-program.ts';
import type { RealmEvents } from './realm-port.ts';
import {
  SYSTEM_FUNCTION_NAMES,
  type SystemCallFault,
  type SystemCallTarget,
  type SystemFunctions,
} from './system-functions.ts';

/** Log records of a module's loading that are kept for whom the realm is given to. */
const EARLY_LOGS_MAX = 1000;

/** Who a realm works for: what answers its system calls, and hears of what goes on outside of calls. */
export interface RealmUser {
  readonly target: SystemCallTarget;
  readonly events: RealmEvents;
}

type AnyFunction = (...args: readonly unknown[]) => unknown;

/** The target of a realm that is made before it is known who works with it, or that serves several in turn. */
export class LateTarget implements SystemCallTarget, RealmEvents {
  readonly functions: SystemFunctions;
  readonly #early: EarlyTarget = new EarlyTarget();
  #user: RealmUser | undefined;
  /** Who is told of what a call left behind. */
  #lastUser: RealmUser | undefined;
  #current: readonly AnyFunction[];

  constructor() {
    this.#current = listFunctions(this.#early.functions);
    // Position by position, so that a system call costs one step more than it would without.
    const entries = SYSTEM_FUNCTION_NAMES.map((name, position) => {
      const forward: AnyFunction = (...args) => this.#current[position]?.(...args);
      return [name, forward];
    });
    // Each name of the interface, with what the function of that name returns.
    this.functions = Object.fromEntries(entries) as unknown as SystemFunctions;
  }

  /**
   * Whether the realm is as good as one that was made with its user there: while it was loaded, the module asked for
   * nothing but to log, and not for more than is kept.
   */
  get isReusable(): boolean {
    return this.#early.isReusable;
  }

  /** Works for `user` from now on; without one, as a realm that is being loaded. */
  bind(user: RealmUser | undefined): void {
    if (user === this.#user) return;
    this.#user = user;
    this.#lastUser = user ?? this.#lastUser;
    this.#current = listFunctions((user?.target ?? this.#early).functions);
  }

  /** Tells what the module logged while it was loaded. */
  tellEarlyLogs({ target }: RealmUser): void {
    for (const { level, message } of this.#early.logs) target.functions.console_log(level, message);
  }

  fault(thrown: unknown): SystemCallFault {
    return (this.#user?.target ?? this.#early).fault(thrown);
  }

  unhandledRejection(message: string): void {
    this.#lastUser?.events.unhandledRejection(message);
  }
}

/** Answers while nobody is there: keeps what is logged, and refuses the rest. */
class EarlyTarget implements SystemCallTarget {
  readonly functions: SystemFunctions;
  readonly logs: { readonly level: unknown; readonly message: unknown }[] = [];
  isReusable = true;

  constructor() {
    this.functions = {
      ...makeDetachedFunctions(() => {
        this.isReusable = false;
      }),
      console_log: (level, message) => {
        if (this.logs.length < EARLY_LOGS_MAX) this.logs.push({ level, message });
        else this.isReusable = false;
      },
      console_timer_start: () => {
        this.isReusable = false;
        return 0;
      },
    };
  }

  fault(thrown: unknown): SystemCallFault {
    return { kind: 1, message: thrown instanceof Error ? thrown.message : String(thrown), size: 0 };
  }
}

function listFunctions(functions: SystemFunctions): readonly AnyFunction[] {
  // Called with what the module gave, of any type: each function checks its arguments itself.
  return SYSTEM_FUNCTION_NAMES.map((name) => functions[name] as AnyFunction);
}
