import { assert } from '../assert.ts';
import type { CallEnvironment } from '../database/call-environment.ts';
import type { CallExecutor } from '../database/call-executor.ts';
import type { Caller } from '../database/calls.ts';
import type { Committer } from '../database/committer.ts';
import type { ModuleRunner } from '../database/module-runner.ts';
import type { HttpHandlerCall, HookOutcome } from '../module/realm-port.ts';
import { CALL_OUTCOMES } from '../metrics/call-metrics.ts';
import type { HttpHandlerDef, ModuleDef } from '../schema/module-def.ts';
import { checkResponse } from './check-response.ts';
import type { HandlerOutcome, HandlerRequest, HandlerResult } from './handler-call.ts';
import { encodeRequestHead } from './http-message.ts';
import { findRoute } from './routes.ts';

/** The parts that handlers run through. */
export interface HandlerParts {
  readonly runner: ModuleRunner;
  readonly committer: Committer;
  readonly environment: CallEnvironment;
  readonly executor: CallExecutor;
}

/** Handlers answer whoever asks: no identity and no connection stand behind a request. */
const NOBODY: Caller = { identity: 0n, connectionId: 0n };

/** Runs the HTTP handlers of one module. As procedures they make their own transactions. */
export class HttpHandlers {
  readonly #def: ModuleDef;
  readonly #parts: HandlerParts;

  constructor(def: ModuleDef, parts: HandlerParts) {
    this.#def = def;
    this.#parts = parts;
  }

  /** Runs the handler of a request's route, to its end. Never throws for what the module does. */
  run(request: HandlerRequest): HandlerResult {
    const handler = findRoute(this.#def, request);
    if (handler === undefined) return { outcome: { type: 'no-route' }, offset: undefined };
    const { environment, committer } = this.#parts;
    const head = encodeRequestHead({ ...request, timeoutMicros: undefined });
    const call = { id: handler.id, timestampMicros: committer.now(), request: head, body: request.body };
    const outcome = this.#callMeasured(handler, call);
    return { outcome: this.#conclude(handler, outcome), offset: environment.lastOffset };
  }

  #callMeasured(handler: HttpHandlerDef, call: HttpHandlerCall): HookOutcome {
    // Counted and logged with procedures, as which its transactions are committed.
    const { calls } = this.#parts.environment.metrics;
    const counts = calls.of('procedure', handler.name);
    const startMs = calls.nowMs();
    const rowsBefore = calls.allRowsRead;
    const outcome = this.#call(handler, call);
    calls.ended(counts, CALL_OUTCOMES[outcome.type], calls.nowMs() - startMs, rowsBefore);
    return outcome;
  }

  #call({ name }: HttpHandlerDef, call: HttpHandlerCall): HookOutcome {
    const { runner, environment, committer } = this.#parts;
    return environment.run({ functionName: name, caller: NOBODY }, () => {
      const { outcome, abandoned } = runner.runHttpHandler(call);
      if (abandoned?.isOpen === true) {
        committer.rollback(abandoned);
        environment.logHost('error', `aborting dangling anonymous transaction in HTTP handler ${name}`);
      }
      return outcome;
    });
  }

  #conclude({ name }: HttpHandlerDef, outcome: HookOutcome): HandlerOutcome {
    const { executor, environment } = this.#parts;
    if (outcome.type !== 'returned') {
      executor.logFailure(name, outcome);
      return { type: 'failed' };
    }
    assert(outcome.body !== undefined, 'a handler returns a body');
    const checked = checkResponse(outcome.bytes, outcome.body);
    if (checked.type === 'valid') return { type: 'responded', response: checked.response };
    environment.logFor(name, 'error', `the HTTP handler returned what cannot be sent: ${checked.problem}`);
    return { type: 'failed' };
  }
}
