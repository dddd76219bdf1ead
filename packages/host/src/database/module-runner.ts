import type { Datastore } from '../datastore/datastore.ts';
import type { Transaction } from '../datastore/transaction.ts';
import { errorMessage, HostError } from '../errors.ts';
import type { CallMetrics } from '../metrics/call-metrics.ts';
import type { StateView } from '../datastore/state-view.ts';
import type {
  HookCall,
  HookOutcome,
  HttpHandlerCall,
  LoadedProgram,
  ModuleRealm,
  RealmEvents,
  ViewCall,
} from '../module/realm-port.ts';
import { type SystemCallHost, SystemCalls } from '../module/system-calls.ts';

/** What a runner needs around it. */
interface RunnerHost extends SystemCallHost {
  readonly metrics: { readonly calls: CallMetrics };
}

/** A realm and the system calls that it makes. */
interface Instance {
  readonly realm: ModuleRealm;
  readonly calls: SystemCalls;
}

/** How a call fared that makes its own transactions; `abandoned` is one that it left open. */
interface ProcedureRun {
  readonly outcome: HookOutcome;
  readonly abandoned: Transaction | undefined;
}

/**
 * The running instances of one database's module: one for reducers, and, from the first procedure on, one for
 * procedures. They share no globals, as on SpacetimeDB.
 */
export class ModuleRunner {
  readonly #program: LoadedProgram;
  readonly #host: SystemCallHost;
  readonly #metrics: CallMetrics;
  readonly #events: RealmEvents;
  #main: Instance;
  #procedures: Instance | undefined;
  #datastore: Datastore | undefined;

  /** Evaluates the bundle. @throws {HostError} `module/load-failed`, `module/unsupported` */
  constructor(program: LoadedProgram, host: RunnerHost, events: RealmEvents) {
    this.#program = program;
    this.#host = host;
    this.#metrics = host.metrics.calls;
    this.#events = events;
    this.#main = this.#instantiate();
  }

  /** The module's definition as it gives it. */
  describe(): Uint8Array {
    return this.#main.realm.describe();
  }

  /** Gives the tables that the module works on. Called once, before any call. */
  attach(datastore: Datastore): void {
    this.#datastore = datastore;
    this.#main.calls.attach(datastore);
  }

  /** Runs a reducer inside a transaction, which stays open. */
  runReducer(transaction: Transaction, call: HookCall): HookOutcome {
    const instance = this.#tryUse(this.#main);
    if ('type' in instance) return instance;
    const { realm, calls } = (this.#main = instance);
    calls.begin('reducer', transaction);
    const outcome = realm.callReducer(call);
    const { fatal } = this.#end(instance);
    return fatal === undefined ? outcome : fatalOutcome(fatal, outcome);
  }

  /** Runs a view over a state. */
  runView(state: StateView, call: ViewCall): HookOutcome {
    const instance = this.#tryUse(this.#main);
    if ('type' in instance) return instance;
    const { realm, calls } = (this.#main = instance);
    calls.beginView(state);
    const outcome = realm.callView(call);
    const { fatal } = this.#end(instance);
    return fatal === undefined ? outcome : fatalOutcome(fatal, outcome);
  }

  /** Runs a procedure. `abandoned` is a transaction that it left open. */
  runProcedure(call: HookCall): ProcedureRun {
    return this.#runProcedure((realm) => realm.callProcedure(call));
  }

  /** Runs an HTTP handler, which makes its own transactions as a procedure does. */
  runHttpHandler(call: HttpHandlerCall): ProcedureRun {
    return this.#runProcedure((realm) => realm.callHttpHandler(call));
  }

  #runProcedure(callHook: (realm: ModuleRealm) => HookOutcome): ProcedureRun {
    const instance = this.#tryUse(this.#procedures);
    if ('type' in instance) return { outcome: instance, abandoned: undefined };
    const { realm, calls } = (this.#procedures = instance);
    calls.begin('procedure');
    const outcome = callHook(realm);
    const { fatal, openTransaction } = this.#end(instance);
    return { outcome: fatal === undefined ? outcome : fatalOutcome(fatal, outcome), abandoned: openTransaction };
  }

  /** Writes that the procedure's open transaction made so far. */
  get procedureWrites(): number {
    return this.#procedures?.calls.writes ?? 0;
  }

  close(): void {
    this.#main.realm.close();
    this.#procedures?.realm.close();
  }

  /** An instance to call: this one, or a fresh one when there is none or a call of this one was ended. */
  #tryUse(instance: Instance | undefined): Instance | Extract<HookOutcome, { readonly type: 'failed' }> {
    if (instance?.realm.isBroken === false) return instance;
    instance?.realm.close();
    if (instance !== undefined) this.#metrics.realmsReplaced += 1;
    if (instance !== undefined) this.#host.log('warn', 'a call was ended: the module starts anew, its globals with it');
    try {
      return this.#instantiate();
    } catch (error) {
      return { type: 'failed', message: errorMessage(error), stack: '' };
    }
  }

  #end({ realm, calls }: Instance): ReturnType<SystemCalls['end']> {
    // Nothing else breaks a realm.
    if (realm.isBroken) this.#metrics.timeLimitHits += 1;
    return calls.end();
  }

  #instantiate(): Instance {
    const calls = new SystemCalls(this.#host);
    if (this.#datastore !== undefined) calls.attach(this.#datastore);
    this.#metrics.realmsCreated += 1;
    return { realm: this.#program.instantiate(calls, this.#events), calls };
  }
}

/** The fatal error decides, also when the module caught what it was told and went on. */
function fatalOutcome(fatal: unknown, outcome: HookOutcome): HookOutcome {
  const message = errorMessage(fatal);
  const publicMessage = fatal instanceof HostError && fatal.code === 'module/timeout' ? message : undefined;
  const stack = outcome.type === 'failed' ? `${message}\n${outcome.stack}` : message;
  return { type: 'failed', message, stack, publicMessage };
}
