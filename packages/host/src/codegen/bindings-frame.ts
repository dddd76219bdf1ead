import { quote } from './identifier.ts';

/** What the bindings stand on. */
const SDK_PACKAGE = 'spacetimedb';

/** What the bindings take from it, under names that no module's type can have. */
const IMPORTS: readonly string[] = [
  'DbConnectionBuilder',
  'DbConnectionImpl',
  'SubscriptionBuilderImpl',
  'convertToAccessorMap',
  'makeQueryBuilder',
  'procedureSchema',
  'procedures',
  'reducerSchema',
  'reducers',
  'schema',
  't',
  'table',
  'type DbConnectionConfig',
  'type ErrorContextInterface',
  'type EventContextInterface',
  'type Infer',
  'type QueryBuilder',
  'type ReducerEventContextInterface',
  'type RemoteModule',
  'type SubscriptionEventContextInterface',
  'type SubscriptionHandleImpl',
];

/** First lines of a generated file: they import what its body uses, and nothing that a strict compiler would blame. */
export function makeHeader(body: string): string {
  const used = new Set(body.match(/\b__\w+/g));
  const names = IMPORTS.map((name) => [name, `__${name.replace('type ', '')}`] as const);
  const lines = names.filter(([, local]) => used.has(local)).map(([name, local]) => `  ${name} as ${local},\n`);
  return `// Generated from a module's definition. Do not edit: change the module and generate again.

/* eslint-disable */
/* tslint:disable */
import {
${lines.join('')}} from ${quote(SDK_PACKAGE)};`;
}

/** The module as the SDK takes it, of the three parts that stand above. */
export const REMOTE_MODULE: string = `export const REMOTE_MODULE = {
  versionInfo: {
    cliVersion: '2.10.1' as const,
  },
  tables: tablesSchema.schemaType.tables,
  reducers: reducersSchema.reducersType.reducers,
  ...proceduresSchema,
} satisfies __RemoteModule<typeof tablesSchema.schemaType, typeof reducersSchema.reducersType, typeof proceduresSchema>;`;

/** Last lines of every generated file: the connection, typed by what stands above. */
export const FOOTER: string = `export type EventContext = __EventContextInterface<typeof REMOTE_MODULE>;
export type ReducerEventContext = __ReducerEventContextInterface<typeof REMOTE_MODULE>;
export type SubscriptionEventContext = __SubscriptionEventContextInterface<typeof REMOTE_MODULE>;
export type ErrorContext = __ErrorContextInterface<typeof REMOTE_MODULE>;
export type SubscriptionHandle = __SubscriptionHandleImpl<typeof REMOTE_MODULE>;

/** Configures a subscription. */
export class SubscriptionBuilder extends __SubscriptionBuilderImpl<typeof REMOTE_MODULE> {}

/** Configures a connection. */
export class DbConnectionBuilder extends __DbConnectionBuilder<DbConnection> {}

/** A connection to a database that runs this module. */
export class DbConnection extends __DbConnectionImpl<typeof REMOTE_MODULE> {
  static builder = (): DbConnectionBuilder => {
    return new DbConnectionBuilder(
      REMOTE_MODULE,
      (config: __DbConnectionConfig<typeof REMOTE_MODULE>) => new DbConnection(config),
    );
  };

  override subscriptionBuilder = (): SubscriptionBuilder => {
    return new SubscriptionBuilder(this);
  };
}
`;

/** Names that the frame declares; a module's type of such a name gets another. */
export const RESERVED_NAMES: ReadonlySet<string> = new Set([
  'DbConnection',
  'DbConnectionBuilder',
  'ErrorContext',
  'EventContext',
  'ReducerEventContext',
  'SubscriptionBuilder',
  'SubscriptionEventContext',
  'SubscriptionHandle',
  'REMOTE_MODULE',
]);
