/*
 * Named channels of `node:diagnostics_channel`, for tools that watch a process. A message is made only where somebody
 * subscribes, and holds ids, counts and codes: never tokens, keys or data of the application. In browsers, and where
 * the runtime cannot be asked for the module, there are none.
 */

/** Every channel: when it is published to, and what its messages hold. */
export const CHANNELS = {
  'inner-universe:request': {
    when: 'a request was answered, or its connection was lost; once for each attempt',
    fields: ['database', 'requestId', 'ops', 'durationMs', 'outcome', 'code'],
  },
  'inner-universe:read': {
    when: 'a paged read was answered, or failed',
    fields: ['database', 'read', 'durationMs', 'code'],
  },
  'inner-universe:handler': {
    when: 'a handler of an event returned, or what it promised settled',
    fields: ['database', 'id', 'type', 'seq', 'durationMs', 'failed'],
  },
  'inner-universe:connection': {
    when: 'the connection changed its state',
    fields: ['database', 'target', 'state'],
  },
  'inner-universe:error': {
    when: 'an error reached a caller of a write or read, or the error hook',
    fields: ['database', 'code', 'name'],
  },
} as const satisfies Readonly<Record<string, { readonly when: string; readonly fields: readonly string[] }>>;

/** Name of a channel. */
export type ChannelName = keyof typeof CHANNELS;

/** What a message of a channel holds: each of its fields, undefined where there is nothing to tell. */
export type ChannelMessage<N extends ChannelName> = Readonly<Record<(typeof CHANNELS)[N]['fields'][number], unknown>>;

/** What is needed of a channel of Node. */
interface Channel {
  readonly hasSubscribers: boolean;
  publish(message: unknown): void;
}

interface DiagnosticsModule {
  channel(name: string): Channel;
}

/** The channels of this runtime, each asked for once. */
export class DiagnosticsChannels {
  readonly #channels: ReadonlyMap<ChannelName, Channel>;

  /** Default: the module of Node, where there is one; null for none. */
  constructor(diagnostics: DiagnosticsModule | null = findDiagnostics()) {
    const names = Object.keys(CHANNELS) as ChannelName[]; // an object of ours has no other keys
    this.#channels = new Map(
      diagnostics === null ? [] : names.map((name) => [name, diagnostics.channel(name)] as const),
    );
  }

  /** Whether a message would reach anybody. */
  isHeard(name: ChannelName): boolean {
    return this.#channels.get(name)?.hasSubscribers === true;
  }

  /** Publishes what `make` gives, if anybody subscribes. */
  publish<N extends ChannelName>(name: N, make: () => ChannelMessage<N>): void {
    const channel = this.#channels.get(name);
    if (channel?.hasSubscribers === true) channel.publish(make());
  }
}

/** Asked for at run time, so that bundles for browsers need no stand-in for it. */
function findDiagnostics(): DiagnosticsModule | null {
  const { process } = globalThis as { readonly process?: { getBuiltinModule?(name: string): unknown } };
  // That name has that module wherever it has one.
  return (process?.getBuiltinModule?.('node:diagnostics_channel') ?? null) as DiagnosticsModule | null;
}
