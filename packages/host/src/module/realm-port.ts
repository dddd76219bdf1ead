import type { SystemCallTarget } from './system-functions.ts';

/** Turns the text of a module's bundle into something that can be run. */
export interface ProgramLoader {
  /**
   * Prepares a bundle. Equal texts may share compiled code, never state.
   * @throws {HostError} `module/unsupported`, `module/load-failed` when it is no module that this host can run.
   */
  load(program: string): Promise<LoadedProgram>;
}

/** A bundle that is compiled and can be instantiated any number of times. */
export interface LoadedProgram {
  readonly text: string;
  /** SHA-256 of the text, in hex. */
  readonly hash: string;
  /**
   * Evaluates the bundle in a world of its own and takes its hooks. The caller closes the realm.
   * @throws {HostError} `module/load-failed` when the bundle throws or exports no schema.
   */
  instantiate(target: SystemCallTarget, events: RealmEvents): ModuleRealm;
}

/** What a realm tells outside of calls. */
export interface RealmEvents {
  /** A promise of the module was rejected and nobody handled it. */
  unhandledRejection(message: string): void;
}

/** One running instance of a module: its globals live here and nowhere else. Not re-entrant. */
export interface ModuleRealm {
  /** BSATN of the raw module definition. @throws {HostError} `module/load-failed` when the module cannot say. */
  describe(): Uint8Array;
  callReducer(call: HookCall): HookOutcome;
  callProcedure(call: HookCall): HookOutcome;
  callView(call: ViewCall): HookOutcome;
  callHttpHandler(call: HttpHandlerCall): HookOutcome;
  /** True once a call took too long and was ended: the realm is to be closed, and another one made. */
  readonly isBroken: boolean;
  /** Gives up the instance; the realm must not be called afterwards. Idempotent. */
  close(): void;
}

/** Arguments of one hook call. */
export interface HookCall {
  /** Position of the function in the module definition. */
  readonly id: number;
  readonly sender: bigint;
  /** 0n means none. */
  readonly connectionId: bigint;
  readonly timestampMicros: bigint;
  /** BSATN of the arguments; copied before the module sees them. */
  readonly args: Uint8Array;
}

/** Which view to run, and as whom. */
export interface ViewCall {
  /** Position of the view among those of its kind. */
  readonly id: number;
  /** Undefined for an anonymous view. */
  readonly sender: bigint | undefined;
}

/** Which HTTP handler to run, on which request. */
export interface HttpHandlerCall {
  /** Position of the handler in the module definition. */
  readonly id: number;
  readonly timestampMicros: bigint;
  /** BSATN of the request's head; copied before the module sees it, as is the body. */
  readonly request: Uint8Array;
  readonly body: Uint8Array;
}

/** How a hook ended. */
export type HookOutcome =
  /**
   * `bytes` is what a procedure or view returned; empty for a reducer; the head of its response for an HTTP handler,
   * which has a `body`, too.
   */
  | { readonly type: 'returned'; readonly bytes: Uint8Array; readonly body?: Uint8Array | undefined }
  /** The module threw its `SenderError`. */
  | { readonly type: 'user-error'; readonly message: string }
  /** Anything else was thrown; `stack` is for the log. */
  | {
      readonly type: 'failed';
      readonly message: string;
      readonly stack: string;
      /** What the caller may be told; absent when the reason is only for the log. */
      readonly publicMessage?: string | undefined;
    };
