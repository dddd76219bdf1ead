import type { Op } from '@inner-universe/module/wire';
import type { CallOptions } from '../connection/connection.ts';
import { ModuleClient, type ApplyOptions, type ClientParts, type LaterWrite } from '../client/client.ts';
import type { WriteOptions } from '../client/request-queue.ts';
import type { ReadName, Reads } from '../client/reads.ts';
import { errorCodeOf } from './error-facts.ts';
import { isTracing, runInSpan, tryStartSpan } from './tracing.ts';
import { UniverseTelemetry } from './universe-telemetry.ts';
import { carryTrace, tryTraceWrite } from './write-spans.ts';

/** A client whose writes and reads are told of: spans, metrics, errors, channels. Without telemetry it is its base class. */
export class ObservedClient extends ModuleClient {
  readonly #observer: UniverseTelemetry | undefined;

  constructor(...[parts, following]: ConstructorParameters<typeof ModuleClient>) {
    super(parts, following);
    this.#observer = observerOf(parts);
    this.onState(({ state }) => {
      const { database, target } = this;
      this.#observer?.channels.publish('inner-universe:connection', () => ({ database, target, state }));
    });
  }

  override write(ops: readonly Op[], options?: WriteOptions): Promise<void> {
    return this.#observed(ops, (sent) => super.write(sent, options));
  }

  override writeWithChunks(chunks: readonly Op[], ops: readonly Op[], options?: WriteOptions): Promise<void> {
    return this.#observed(ops, (sent) => super.writeWithChunks(chunks, sent, options));
  }

  override async apply(ops: readonly Op[], options?: ApplyOptions): Promise<void> {
    return this.#observed(ops, (sent) => super.apply(sent, options));
  }

  override async writeLater(
    later: Promise<LaterWrite> | (() => Promise<LaterWrite>),
    bytes: number,
    options?: WriteOptions,
  ): Promise<void> {
    const observer = this.#observer;
    if (observer === undefined) return super.writeLater(later, bytes, options);
    const span = tryStartSpan('write', { attributes: observer.attributesOf({ made_later: true }) });
    if (span === undefined) return this.#countingErrors(super.writeLater(later, bytes, options));
    const carry = ({ chunks, ops }: LaterWrite): LaterWrite => ({ chunks, ops: carryTrace(ops, span) });
    const carried = typeof later === 'function' ? async () => carry(await later()) : later.then(carry);
    return this.#countingErrors(runInSpan(span, () => super.writeLater(carried, bytes, options)));
  }

  override read<N extends ReadName>(name: N, args: Reads[N][0], options?: CallOptions): Promise<Reads[N][1]> {
    const observer = this.#observer;
    if (observer === undefined) return super.read(name, args, options);
    const startMs = observer.nowMs();
    const span = tryStartSpan('read', { attributes: observer.attributesOf({ read: name }) });
    const reading =
      span === undefined ? super.read(name, args, options) : runInSpan(span, () => super.read(name, args, options));
    const tell = (code: string | undefined): void => {
      const durationMs = observer.nowMs() - startMs;
      observer.record('client.read_latency_ms', durationMs, { read: name });
      const { database } = observer;
      observer.channels.publish('inner-universe:read', () => ({ database, read: name, durationMs, code }));
    };
    return reading.then(
      (page) => {
        tell(undefined);
        return page;
      },
      (error: unknown) => {
        tell(errorCodeOf(error));
        observer.countError(error);
        throw error;
      },
    );
  }

  #observed(ops: readonly Op[], send: (ops: readonly Op[]) => Promise<void>): Promise<void> {
    const observer = this.#observer;
    if (observer === undefined) return send(ops);
    if (!isTracing()) return this.#countingErrors(send(ops));
    const traced = tryTraceWrite(ops, observer.attributesOf({}));
    if (traced === undefined) return this.#countingErrors(send(ops));
    return this.#countingErrors(runInSpan(traced.span, () => send(traced.ops)));
  }

  #countingErrors(writing: Promise<void>): Promise<void> {
    return writing.catch(this.#countAndThrow);
  }

  /** One for all: there are many writes. */
  readonly #countAndThrow = (error: unknown): never => {
    this.#observer?.countError(error);
    throw error;
  };
}

function observerOf({ telemetry }: ClientParts): UniverseTelemetry | undefined {
  return telemetry instanceof UniverseTelemetry ? telemetry : undefined;
}
