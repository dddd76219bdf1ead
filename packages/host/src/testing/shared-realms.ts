import { LateTarget, type RealmUser } from '../module/late-target.ts';
import type {
  HookCall,
  HookOutcome,
  HttpHandlerCall,
  LoadedProgram,
  ModuleRealm,
  ProgramLoader,
  ViewCall,
} from '../module/realm-port.ts';
import { Recent } from './recent.ts';

/** Programs whose realm is kept to be shared. */
const PROGRAMS_MAX = 8;

/**
 * A loader by which all databases that run a program share one realm, for those tests that ask for it. What one leaves
 * in the module's globals the next one finds: see the page on testing.
 */
export class SharingLoader implements ProgramLoader {
  readonly #programs: ProgramLoader;
  readonly #shared: Recent<string, SharedRealm> = new Recent(PROGRAMS_MAX);

  constructor(programs: ProgramLoader) {
    this.#programs = programs;
  }

  async load(text: string): Promise<LoadedProgram> {
    const program = await this.#programs.load(text);
    return {
      text: program.text,
      hash: program.hash,
      instantiate: (target, events) => this.#shareOf(program).join({ target, events }),
    };
  }

  #shareOf(program: LoadedProgram): SharedRealm {
    const known = this.#shared.get(program.hash);
    if (known !== undefined && !known.isBroken) return known;
    const shared = new SharedRealm(program);
    this.#shared.set(program.hash, shared);
    return shared;
  }
}

/** One realm for several databases: it works for the one whose call runs, and for nobody between calls. */
class SharedRealm {
  readonly #late: LateTarget = new LateTarget();
  readonly #realm: ModuleRealm;

  constructor(program: LoadedProgram) {
    this.#realm = program.instantiate(this.#late, this.#late);
  }

  /** Whether a call in it was ended by force. */
  get isBroken(): boolean {
    return this.#realm.isBroken;
  }

  /** The realm as one database sees it. */
  join(user: RealmUser): ModuleRealm {
    this.#late.tellEarlyLogs(user);
    const realm = this.#realm;
    const run = <Result>(action: () => Result): Result => this.#runFor(user, action);
    return {
      get isBroken() {
        return realm.isBroken;
      },
      describe: () => run(() => realm.describe()),
      callReducer: (call: HookCall): HookOutcome => run(() => realm.callReducer(call)),
      callProcedure: (call: HookCall): HookOutcome => run(() => realm.callProcedure(call)),
      callView: (call: ViewCall): HookOutcome => run(() => realm.callView(call)),
      callHttpHandler: (call: HttpHandlerCall): HookOutcome => run(() => realm.callHttpHandler(call)),
      // The others go on with it.
      close: () => undefined,
    };
  }

  #runFor<Result>(user: RealmUser, action: () => Result): Result {
    this.#late.bind(user);
    try {
      return action();
    } finally {
      this.#late.bind(undefined);
    }
  }
}
