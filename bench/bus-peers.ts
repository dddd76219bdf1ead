import { CoreEventBus } from '@inner-universe/nerv/events/core';
import { EventBus } from '@inner-universe/nerv/events';
import { EventHistory } from '@inner-universe/nerv/events/history';
import { systemTurnClock } from '@inner-universe/nerv/ids';
import { compilePattern } from '@inner-universe/nerv/events/pattern';
import Emittery from 'emittery';
import EventEmitter3 from 'eventemitter3';
import mitt from 'mitt';
import { filter, Subject } from 'rxjs';

/** What every subscriber does with what it gets. */
export type Take = (value: unknown) => void;

/** One emitter made ready, and how to emit once. A promise is what must be awaited before the next. */
export interface Ready {
  emit(type: string, data: unknown): unknown;
  close?(): void;
}

/** A way to send data to subscribers: NERV, or what people use today. */
export interface Peer {
  readonly name: string;
  /** Whether what subscribers get says more than the data: an id, a time, a type. */
  readonly hasEnvelope: boolean;
  /** Whether an emit is over only when its promise is. */
  readonly isAsync?: boolean;
  /** So many subscribers to one type. */
  subscribers(count: number, type: string, take: Take): Ready;
  /** One subscriber to each pattern; peers without patterns subscribe to everything and choose by the same test. */
  patterns(patterns: readonly string[], take: Take): Ready;
}

interface Message {
  readonly type: string;
  readonly data: unknown;
}

/** What a peer without patterns is given instead: the same test, before the subscriber's work. */
function choose(pattern: string, take: Take): (message: Message) => void {
  const { matches } = compilePattern(pattern);
  return ({ type, data }) => {
    if (matches(type)) take(data);
  };
}

function ofBus(name: string, makeBus: () => CoreEventBus): Peer {
  return {
    name,
    hasEnvelope: true,
    subscribers(count, type, take) {
      const bus = makeBus();
      for (let n = 0; n < count; n += 1) bus.subscribe(type, (event) => take(event.data));
      return bus;
    },
    patterns(patterns, take) {
      const bus = makeBus();
      for (const pattern of patterns) bus.subscribe(pattern, (event) => take(event.data));
      return bus;
    },
  };
}

const eventEmitter3: Peer = {
  name: 'eventemitter3',
  hasEnvelope: false,
  subscribers(count, type, take) {
    const emitter = new EventEmitter3();
    for (let n = 0; n < count; n += 1) emitter.on(type, (data: unknown) => take(data));
    return { emit: (name, data) => emitter.emit(name, data) };
  },
  patterns(patterns, take) {
    const emitter = new EventEmitter3();
    for (const pattern of patterns) emitter.on('*', choose(pattern, take));
    return { emit: (type, data) => emitter.emit('*', { type, data }) };
  },
};

const mittPeer: Peer = {
  name: 'mitt',
  hasEnvelope: false,
  subscribers(count, type, take) {
    const emitter = mitt<Record<string, unknown>>();
    for (let n = 0; n < count; n += 1) emitter.on(type, (data) => take(data));
    return { emit: (name, data) => emitter.emit(name, data) };
  },
  patterns(patterns, take) {
    const emitter = mitt<Record<string, unknown>>();
    for (const pattern of patterns) {
      const { matches } = compilePattern(pattern);
      emitter.on('*', (type, data) => {
        if (matches(type)) take(data);
      });
    }
    return { emit: (type, data) => emitter.emit(type, data) };
  },
};

const subject: Peer = {
  name: 'rxjs Subject',
  hasEnvelope: false,
  subscribers(count, _, take) {
    const stream = new Subject<unknown>();
    for (let n = 0; n < count; n += 1) stream.subscribe((data) => take(data));
    return { emit: (_type, data) => stream.next(data) };
  },
  patterns(patterns, take) {
    const stream = new Subject<Message>();
    for (const pattern of patterns) {
      const { matches } = compilePattern(pattern);
      stream.pipe(filter(({ type }) => matches(type))).subscribe(({ data }) => take(data));
    }
    return { emit: (type, data) => stream.next({ type, data }) };
  },
};

const emittery: Peer = {
  name: 'emittery',
  hasEnvelope: false,
  isAsync: true,
  subscribers(count, type, take) {
    const emitter = new Emittery<Record<string, unknown>>();
    for (let n = 0; n < count; n += 1) emitter.on(type, (data) => take(data));
    return { emit: (name, data) => emitter.emit(name, data) };
  },
  patterns(patterns, take) {
    const emitter = new Emittery<Record<string, unknown>>();
    for (const pattern of patterns) {
      const { matches } = compilePattern(pattern);
      emitter.onAny((type, data) => {
        if (matches(type)) take(data);
      });
    }
    return { emit: (name, data) => emitter.emit(name, data) };
  },
};

/** NERV's buses and its peers. */
export const peers: readonly Peer[] = [
  ofBus('NERV core', () => new CoreEventBus()),
  ofBus('NERV core, time of the turn', () => new CoreEventBus({ clock: systemTurnClock })),
  ofBus('NERV bus', () => new EventBus()),
  ofBus('NERV bus with history', () => new EventBus({ history: new EventHistory(1000) })),
  eventEmitter3,
  mittPeer,
  subject,
  emittery,
];
