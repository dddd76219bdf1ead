import { isUint8Array } from 'node:util/types';
import vm from 'node:vm';
import { assert } from '../../assert.ts';
import { HostError } from '../../errors.ts';
import type { HookCall, HookOutcome, HttpHandlerCall, ModuleRealm, RealmEvents, ViewCall } from '../realm-port.ts';
import {
  SYSTEM_FUNCTION_NAMES,
  type SystemCallFault,
  type SystemCallTarget,
  type SystemFunctions,
} from '../system-functions.ts';
import { POLYFILLS_SOURCE } from './polyfills.ts';
import { PRELUDE_SOURCE, STEP_FAILED, STEP_RETURNED, STEP_SOURCE, STEP_USER_ERROR } from './prelude.ts';
import { watchRejections } from './rejection-guard.ts';
import { TimeLimit, type TimeLimits } from './time-limit.ts';

const polyfillsScript = new vm.Script(POLYFILLS_SOURCE, { filename: 'spacetimedb_polyfills' });
const preludeScript = new vm.Script(PRELUDE_SOURCE, { filename: 'spacetimedb_prelude' });
const stepScript = new vm.Script(STEP_SOURCE, { filename: 'spacetimedb_step' });
const STEP_OPTIONS = { displayErrors: false } as const;

const NO_BYTES = new Uint8Array(0);
const REDUCER_RETURNED: HookOutcome = { type: 'returned', bytes: NO_BYTES };
const encoder = new TextEncoder();
// The interface's decoder keeps a byte order mark.
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
const fatalDecoder = new TextDecoder('utf-8', { ignoreBOM: true, fatal: true });

type Step = 'load' | 'describe';

/** What the prelude knows the call of an HTTP handler by. */
const HTTP_HANDLER = 4;

/** What the prelude hands to the host. Its functions run in the realm; what they return is not to be trusted. */
interface RealmHandle {
  select(step: Step): void;
  setBody(body: unknown): void;
  readonly argsBytes: Uint8Array;
  allocateArgs(length: number): Uint8Array;
  prepare(
    ...call: [
      kind: number,
      id: number,
      sender: bigint,
      connectionId: bigint,
      timestampMicros: bigint,
      argsLength: number,
      headLength: number,
    ]
  ): void;
  message(): string;
  stack(): string;
  bytes(): unknown;
  /** The body of an HTTP handler's response. */
  body(): unknown;
  selectError(thrown: unknown): void;
  readonly promisePrototype: object;
}

/** What the prelude gets from the host; only its own closures see it. */
interface PreludeHost {
  readonly functions: SystemFunctions;
  readonly functionNames: readonly string[];
  classify(thrown: unknown): number;
  faultMessage(): string;
  faultSize(): number;
  unresolved(specifier: string): void;
  utf8Length(text: string): number;
  /** Returns the count of bytes written. */
  writeUtf8(text: string, target: Uint8Array): number;
  readUtf8(bytes: Uint8Array, isFatal: boolean): string | undefined;
}

/**
 * One instance of a module in a `node:vm` context. It keeps the module's globals apart from the process's, which
 * prevents accidents; it is no security boundary.
 */
export class VmRealm implements ModuleRealm {
  readonly #context: vm.Context;
  readonly #handle: RealmHandle;
  readonly #target: SystemCallTarget;
  readonly #stopWatching: () => void;
  readonly #timeLimit: TimeLimit | undefined;
  #fault: SystemCallFault = { kind: 0, message: '', size: 0 };
  #unresolvedSpecifier: string | undefined;
  #isRunning = false;
  #isClosed = false;

  /** Evaluates the bundle. @throws {HostError} `module/load-failed`, `module/unsupported` */
  constructor(bundle: vm.Script, target: SystemCallTarget, events: RealmEvents, timeLimits?: TimeLimits) {
    this.#target = target;
    this.#timeLimit = timeLimits === undefined ? undefined : new TimeLimit(timeLimits);
    this.#context = vm.createContext(vm.constants.DONT_CONTEXTIFY, {
      name: 'spacetimedb_module',
      microtaskMode: 'afterEvaluate',
      // SpacetimeDB's own library compiles its codecs from text: the code it makes belongs to this realm.
      codeGeneration: { strings: true, wasm: true },
    });
    polyfillsScript.runInContext(this.#context);
    // The prelude is our own text and evaluates to this function.
    const install = preludeScript.runInContext(this.#context) as (host: PreludeHost) => RealmHandle;
    this.#handle = install(this.#makeHost());
    this.#stopWatching = watchRejections(this.#handle.promisePrototype, (reason) => {
      events.unhandledRejection(this.#describeRejection(reason));
    });
    try {
      this.#handle.setBody(bundle.runInContext(this.#context, STEP_OPTIONS));
      this.#load();
    } catch (error) {
      this.close();
      throw error;
    }
  }

  get isBroken(): boolean {
    return this.#timeLimit?.isBroken ?? false;
  }

  describe(): Uint8Array {
    this.#handle.select('describe');
    if (this.#step() !== STEP_RETURNED) throw this.#loadError('the module could not describe itself');
    return this.#takeBytes();
  }

  callReducer(call: HookCall): HookOutcome {
    return this.#call(0, call);
  }

  callProcedure(call: HookCall): HookOutcome {
    return this.#call(1, call);
  }

  callView({ id, sender }: ViewCall): HookOutcome {
    const call = { id, sender: sender ?? 0n, connectionId: 0n, timestampMicros: 0n, args: NO_BYTES };
    return this.#call(sender === undefined ? 3 : 2, call);
  }

  callHttpHandler({ id, timestampMicros, request, body }: HttpHandlerCall): HookOutcome {
    const args = new Uint8Array(request.length + body.length);
    args.set(request);
    args.set(body, request.length);
    const call = { id, sender: 0n, connectionId: 0n, timestampMicros, args };
    const outcome = this.#call(HTTP_HANDLER, call, request.length);
    if (outcome.type !== 'returned') return outcome;
    return { ...outcome, body: copyOf(this.#handle.body()) };
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#stopWatching();
  }

  #load(): void {
    this.#handle.select('load');
    if (this.#step() === STEP_RETURNED) return;
    const specifier = this.#unresolvedSpecifier;
    if (specifier === undefined) throw this.#loadError('the module could not be loaded');
    throw new HostError({
      code: 'module/unsupported',
      message: specifier.startsWith('spacetime:sys@1')
        ? `the module imports "${specifier}", the interface of SpacetimeDB 1.x. Rebuild it with the npm package spacetimedb 2.0 or newer.`
        : `the module imports "${specifier}", which this host does not provide. Bundle the module with all it needs; only spacetime:sys@2.0 and spacetime:sys@2.1 may stay outside.`,
      details: { specifier },
    });
  }

  #loadError(what: string): HostError {
    const message = String(this.#handle.message());
    return new HostError({
      code: 'module/load-failed',
      message: `${what}: ${message}`,
      details: { message, stack: String(this.#handle.stack()) },
    });
  }

  #call(kind: number, call: HookCall, headLength = 0): HookOutcome {
    assert(!this.#isClosed, 'a closed realm is not called');
    assert(!this.#isRunning, 'a realm is called by one call at a time');
    const length = call.args.length;
    const handle = this.#handle;
    const target = length <= handle.argsBytes.length ? handle.argsBytes : handle.allocateArgs(length);
    target.set(call.args);
    handle.prepare(kind, call.id, call.sender, call.connectionId, call.timestampMicros, length, headLength);
    const status = this.#stepOrTimeout(kind === 1 || kind === HTTP_HANDLER);
    if (typeof status === 'object') return status;
    if (status === STEP_RETURNED) return kind === 0 ? REDUCER_RETURNED : { type: 'returned', bytes: this.#takeBytes() };
    const message = String(handle.message());
    if (status === STEP_USER_ERROR) return { type: 'user-error', message };
    return { type: 'failed', message, stack: String(handle.stack()) };
  }

  /** What the step's script completed with, or how the call fared that took too long. */
  #stepOrTimeout(isProcedure: boolean): number | HookOutcome {
    try {
      return this.#step(isProcedure);
    } catch (error) {
      if (!(error instanceof HostError) || error.code !== 'module/timeout') throw error;
      return { type: 'failed', message: error.message, stack: '', publicMessage: error.message };
    }
  }

  /** @throws {HostError} `module/timeout` */
  #step(isProcedure = false): number {
    this.#isRunning = true;
    try {
      const limit = this.#timeLimit;
      const completion =
        limit === undefined
          ? stepScript.runInContext(this.#context, STEP_OPTIONS)
          : limit.run(stepScript, this.#context, isProcedure);
      return typeof completion === 'number' ? completion : STEP_FAILED;
    } finally {
      this.#isRunning = false;
    }
  }

  /** Shows a rejection as text, which may run code of the module: under the same limit as a call. */
  #describeRejection(reason: unknown): string {
    if (this.isBroken) return 'a rejection in a realm that was ended';
    this.#handle.selectError(reason);
    const status = this.#stepOrTimeout(false);
    return typeof status === 'object' ? 'a rejection that cannot be shown' : String(this.#handle.stack());
  }

  /** A copy in the host's world of the bytes that the last step left. */
  #takeBytes(): Uint8Array {
    return copyOf(this.#handle.bytes());
  }

  #makeHost(): PreludeHost {
    return {
      functions: this.#timeLimit?.guard(this.#target.functions) ?? this.#target.functions,
      functionNames: SYSTEM_FUNCTION_NAMES,
      classify: (thrown) => {
        this.#fault = this.#target.fault(thrown);
        return this.#fault.kind;
      },
      faultMessage: () => this.#fault.message,
      faultSize: () => this.#fault.size,
      unresolved: (specifier) => {
        this.#unresolvedSpecifier ??= specifier;
      },
      utf8Length: (text) => Buffer.byteLength(text),
      writeUtf8: (text, target) => encoder.encodeInto(text, target).written,
      readUtf8: (bytes, isFatal) => (isFatal ? tryDecode(bytes) : decoder.decode(bytes)),
    };
  }
}

function copyOf(bytes: unknown): Uint8Array {
  assert(isUint8Array(bytes), 'the prelude hands over bytes');
  return new Uint8Array(bytes);
}

function tryDecode(bytes: Uint8Array): string | undefined {
  try {
    return fatalDecoder.decode(bytes);
  } catch {
    // Malformed input is an answer here: the caller raises the realm's own TypeError.
    return undefined;
  }
}
