import { DURATION_BOUNDS, Histogram } from './histogram.ts';
import type { MetricCollector } from './metric-collector.ts';

/** Methods that are counted by name; the standard has no others. */
const METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'TRACE']);

/** Routes that are counted by their pattern, and databases: the code and the host have fewer. */
const ROUTES_MAX = 200;
const DATABASES_MAX = 10_000;

/** Stands for a path that no route answers, and for whatever is above a limit. */
export const NO_ROUTE = '(none)';

interface AnsweredRoute {
  readonly seconds: Histogram;
  /** By method and status. */
  readonly answers: Map<string, { readonly method: string; readonly status: string; count: number }>;
}

/** An answered HTTP request. `route` is the pattern of the route that answered, such as `/v1/database/:name`. */
export interface AnsweredRequest {
  readonly method: string;
  readonly route: string;
  readonly status: number;
  readonly elapsedMs: number;
}

/** Counts what comes in over the network. One for a host: it goes on when a server is closed and another one begins. */
export class ServerMetrics {
  readonly #routes = new Map<string, AnsweredRoute>();
  readonly #refusals = new Map<number, number>();
  readonly #idleTimeouts = new Map<bigint, number>();
  #webSockets = 0;

  answered({ method, route, status, elapsedMs }: AnsweredRequest): void {
    const { seconds, answers } = this.#routeOf(route);
    seconds.observe(elapsedMs / 1000);
    const known = METHODS.has(method) ? method : '(other)';
    const key = `${known} ${status}`;
    const answer = answers.get(key) ?? { method: known, status: String(status), count: 0 };
    answer.count += 1;
    answers.set(key, answer);
  }

  webSocketOpened(): void {
    this.#webSockets += 1;
  }

  webSocketClosed(): void {
    this.#webSockets -= 1;
  }

  /** An upgrade was answered with an error. */
  upgradeRefused(status: number): void {
    this.#refusals.set(status, (this.#refusals.get(status) ?? 0) + 1);
  }

  /** A client of a database was silent for too long. */
  idleTimedOut(database: bigint): void {
    const count = this.#idleTimeouts.get(database);
    if (count !== undefined || this.#idleTimeouts.size < DATABASES_MAX)
      this.#idleTimeouts.set(database, (count ?? 0) + 1);
  }

  /** Reports what was counted. `toHex` writes identities. */
  collect(into: MetricCollector, toHex: (identity: bigint) => string): void {
    for (const [route, { seconds, answers }] of this.#routes) {
      into.addHistogram('inner_universe_host_http_request_duration_seconds', seconds, route);
      for (const { method, status, count } of answers.values()) {
        into.add('inner_universe_host_http_requests_total', count, method, route, status);
      }
    }
    into.add('inner_universe_host_websocket_connections', this.#webSockets);
    for (const [status, count] of this.#refusals) {
      into.add('inner_universe_host_websocket_refusals_total', count, String(status));
    }
    for (const [database, count] of this.#idleTimeouts) {
      into.add('spacetime_worker_ws_clients_idle_timed_out_total', count, toHex(database));
    }
  }

  #routeOf(route: string): AnsweredRoute {
    const name = this.#routes.has(route) || this.#routes.size < ROUTES_MAX ? route : NO_ROUTE;
    const known = this.#routes.get(name);
    if (known !== undefined) return known;
    const created: AnsweredRoute = { seconds: new Histogram(DURATION_BOUNDS), answers: new Map() };
    this.#routes.set(name, created);
    return created;
  }
}
