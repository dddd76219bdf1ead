import type { ModuleDef } from '@inner-universe/host';
import { NervPersistenceError } from '../errors.ts';
import { asSentence, firstLine, plainText } from './plain-text.ts';
import type { HttpAnswer, HttpClient } from './http-client.ts';

/** What publishing would do to a database that exists. */
export type PublishPreview =
  | {
      readonly type: 'automatic';
      /** For people, line by line. */
      readonly plan: string;
      readonly breaksClients: boolean;
      /** Names the plan, so that another one is not carried out unseen. */
      readonly token: string;
      readonly isMajorUpgrade: boolean;
    }
  /** No migration leads there: only deleting the data does. */
  | { readonly type: 'manual'; readonly reason: string };

/** What the publisher allows. */
export interface PublishPermission {
  /** The token of the plan that was looked at: another one is not carried out. */
  readonly planToken?: string | undefined;
  /** Disconnect clients, where the plan does. */
  readonly breakClients?: boolean | undefined;
  /** Delete all rows and start anew. */
  readonly clear?: boolean | undefined;
}

/** What became of a publication. */
export interface Published {
  /** 64 hexadecimal digits. */
  readonly identity: string;
  readonly outcome: 'created' | 'updated';
}

/** What a server tells of a database to anybody. */
export interface DatabaseFacts {
  /** 64 hexadecimal digits. */
  readonly identity: string;
  readonly owner: string;
  /** Keccak-256 of a program: our host's is that of the one that runs, SpacetimeDB's may be that of the first one. */
  readonly programHash: string | undefined;
}

/** One database of a server, by SpacetimeDB's HTTP interface. @throws {NervPersistenceError} `server/*` in every method. */
export class DatabaseApi {
  readonly #http: HttpClient;
  readonly #database: string;

  constructor(http: HttpClient, database: string) {
    this.#http = http;
    this.#database = database;
  }

  /** What publishing would do; undefined when there is no such database yet. */
  async preview(bundle: string): Promise<PublishPreview | undefined> {
    const answer = await this.#http.send({
      method: 'POST',
      path: this.#path('/pre_publish'),
      // Colours are given here: escape sequences of a server have no business on this terminal.
      query: { style: 'NoColor', host_type: 'Js' },
      body: bundle,
    });
    return answer.status === 404 ? undefined : readPreview(this.#parse(this.#accept(answer)));
  }

  async publish(bundle: string, permission: PublishPermission): Promise<Published> {
    const { planToken, breakClients, clear } = permission;
    const answer = await this.#http.send({
      method: 'PUT',
      path: this.#path(''),
      query: {
        host_type: 'Js',
        clear: clear === true ? 'true' : undefined,
        policy: breakClients === true ? 'BreakClients' : undefined,
        token: planToken,
      },
      body: bundle,
    });
    const success = member(this.#parse(this.#accept(answer)), 'Success');
    const identity = member(success, 'database_identity');
    const outcome = member(success, 'op');
    if (typeof identity !== 'string' || (outcome !== 'created' && outcome !== 'updated'))
      throw this.#unreadable(answer);
    return { identity, outcome };
  }

  /** What the server tells of the database; undefined when there is none. */
  async tryReadFacts(): Promise<DatabaseFacts | undefined> {
    const answer = await this.#http.send({ method: 'GET', path: this.#path('') });
    if (answer.status === 404) return undefined;
    const facts = this.#parse(this.#accept(answer));
    const identity = tryReadHex(member(member(facts, 'database_identity'), '__identity__'));
    const owner = tryReadHex(member(member(facts, 'owner_identity'), '__identity__'));
    if (identity === undefined || owner === undefined) throw this.#unreadable(answer);
    return { identity, owner, programHash: tryReadHex(member(facts, 'initial_program')) };
  }

  /** The definition of the module that the database runs. */
  async schema(): Promise<ModuleDef> {
    const { readModuleSchema } = await import('./host-parts.ts');
    const path = this.#path('/schema');
    const newest = await this.#http.send({ method: 'GET', path, query: { version: '10' } });
    // Older servers know version 9 only, and say so by a refusal; what version 9 is refused for is the reason.
    if (newest.status === 200) return readModuleSchema(newest.text, 10);
    if (newest.status !== 400 && newest.status !== 404) this.#accept(newest);
    const older = await this.#http.send({ method: 'GET', path, query: { version: '9' } });
    return readModuleSchema(this.#accept(older).text, 9);
  }

  #path(below: string): string {
    return `v1/database/${encodeURIComponent(this.#database)}${below}`;
  }

  /** Gives an answer back that says yes; anything else is told in plain words. */
  #accept(answer: HttpAnswer): HttpAnswer {
    if (answer.status >= 200 && answer.status < 300) return answer;
    const { origin } = this.#http.server;
    const database = this.#database;
    const said = asSentence(answer.text.trim() === '' ? `status ${answer.status}` : answer.text);
    const details = { server: origin, database, status: answer.status };
    switch (answer.status) {
      case 401:
        throw new NervPersistenceError('server/unauthorized', this.#describeUnauthorized(said), { details });
      case 403:
        throw new NervPersistenceError(
          'server/forbidden',
          `${origin} does not allow it: ${said} Use a token of the identity that owns '${database}'.`,
          { details },
        );
      case 404:
        throw new NervPersistenceError(
          'server/no-such-database',
          `${origin} has no database '${database}' (${firstLine(said, 200).replace(/\.$/, '')}). Check --database, or publish to it first.`,
          { details },
        );
      default:
        throw answer.status >= 400 && answer.status < 500
          ? new NervPersistenceError('server/refused', `${origin} refused: ${said}`, { details })
          : new NervPersistenceError('server/failed', `${origin} failed with status ${answer.status}: ${said}`, {
              details,
              retryable: true,
            });
    }
  }

  #describeUnauthorized(said: string): string {
    const { origin } = this.#http.server;
    const advice = `A host of ours writes its owner's to DATA/credentials/owner.token; for SpacetimeDB, 'spacetime login show --token' prints yours.`;
    return this.#http.hasToken
      ? `${origin} does not accept the token, or does not let its identity do this: ${said} ${advice}`
      : `${origin} asks for a token: ${said} ${advice}`;
  }

  #parse(answer: HttpAnswer): unknown {
    try {
      return JSON.parse(answer.text);
    } catch (cause) {
      throw this.#unreadable(answer, cause);
    }
  }

  #unreadable({ text }: HttpAnswer, cause?: unknown): NervPersistenceError {
    const { origin } = this.#http.server;
    return new NervPersistenceError(
      'server/failed',
      `${origin} gave an answer that no SpacetimeDB server gives: ${firstLine(text, 120)}. Is the address right?`,
      { details: { server: origin }, cause },
    );
  }
}

function readPreview(answer: unknown): PublishPreview {
  const manual = member(answer, 'ManualMigrate');
  if (manual !== undefined) return { type: 'manual', reason: plainText(String(member(manual, 'reason'))) };
  const automatic = member(answer, 'AutoMigrate');
  const [plan, token] = [member(automatic, 'migrate_plan'), member(automatic, 'token')];
  if (typeof plan !== 'string' || typeof token !== 'string') {
    throw new NervPersistenceError(
      'server/failed',
      'The server showed a plan of a form that is not known here. Update this program.',
    );
  }
  return {
    type: 'automatic',
    plan: plainText(plan),
    token,
    breaksClients: member(automatic, 'break_clients') === true,
    isMajorUpgrade: member(automatic, 'major_version_upgrade') === true,
  };
}

function member(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>)[name] : undefined;
}

/** The 64 digits of an identity or hash, as servers write them. */
function tryReadHex(value: unknown): string | undefined {
  const match = typeof value === 'string' ? /^(?:0x)?([0-9a-f]{64})$/i.exec(value) : null;
  return match?.[1]?.toLowerCase();
}
