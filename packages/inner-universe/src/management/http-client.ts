import { makeTransport, type Answer, type TlsOptions } from '../connection/server-transport.ts';
import { NervPersistenceError } from '../errors.ts';

/** Longest that a server may take to answer, loading a module and moving its data included. */
const TIMEOUT_MS = 300_000;
/** Largest answer that is read. */
const ANSWER_BYTES_MAX = 33_554_432;

/** One request to a server. */
export interface HttpRequest {
  readonly method: 'GET' | 'POST' | 'PUT';
  /** Below the server's base address. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string | undefined>> | undefined;
  readonly body?: string | undefined;
}

/** What a server answered. */
export interface HttpAnswer {
  readonly status: number;
  readonly text: string;
}

/** Whom a client of a server's HTTP interface speaks for, and until when. */
export interface HttpClientOptions {
  readonly token: string | undefined;
  /** Ends every request, with its own reason. */
  readonly signal?: AbortSignal | undefined;
  readonly tls?: TlsOptions | undefined;
}

/** Speaks HTTP to one server, with a token that goes nowhere else. */
export class HttpClient {
  /** The base address, ending with a slash. */
  readonly server: URL;
  readonly #token: string | undefined;
  readonly #signal: AbortSignal | undefined;
  readonly #tls: TlsOptions | undefined;

  constructor(server: URL, { token, signal, tls }: HttpClientOptions) {
    this.server = server;
    this.#token = token;
    this.#signal = signal;
    this.#tls = tls;
  }

  get hasToken(): boolean {
    return this.#token !== undefined;
  }

  /**
   * The answer, whatever its status.
   * @throws {NervPersistenceError} `server/unreachable`, `server/failed` for an answer that cannot be read; the signal's
   * reason.
   */
  async send(request: HttpRequest): Promise<HttpAnswer> {
    const url = new URL(request.path, this.server);
    for (const [name, value] of Object.entries(request.query ?? {})) {
      if (value !== undefined) url.searchParams.set(name, value);
    }
    const { method, body } = request;
    const headers: Record<string, string> = {};
    if (this.#token !== undefined) headers['authorization'] = `Bearer ${this.#token}`;
    if (body !== undefined) headers['content-type'] = 'application/octet-stream';
    const timeout = AbortSignal.timeout(TIMEOUT_MS);
    const signal = this.#signal === undefined ? timeout : AbortSignal.any([this.#signal, timeout]);
    const transport = await makeTransport(this.#tls);
    try {
      // A redirection could lead the token and the module astray.
      const answer = await transport.fetch(url, {
        method,
        headers,
        signal,
        redirect: 'error',
        ...(body === undefined ? {} : { body }),
      });
      return { status: answer.status, text: await readBounded(answer) };
    } catch (error) {
      this.#signal?.throwIfAborted();
      if (error instanceof NervPersistenceError) throw error;
      const isLate = timeout.aborted;
      throw this.#unreachable(isLate ? `it took longer than ${TIMEOUT_MS / 1000} seconds` : reasonOf(error), error);
    } finally {
      transport.destroy();
    }
  }

  #unreachable(reason: string, cause: unknown): NervPersistenceError {
    const { origin } = this.server;
    return new NervPersistenceError(
      'server/unreachable',
      `${origin} does not answer: ${reason}. Is the server running, and is the address right (--server)?`,
      { details: { server: origin }, cause, retryable: true },
    );
  }
}

async function readBounded({ body }: Answer): Promise<string> {
  const decoder = new TextDecoder();
  let size = 0;
  let text = '';
  for await (const chunk of body ?? []) {
    size += chunk.byteLength;
    if (size > ANSWER_BYTES_MAX) {
      throw new NervPersistenceError(
        'server/failed',
        `The answer is larger than ${ANSWER_BYTES_MAX} bytes and was not read.`,
      );
    }
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}

/** What `fetch` throws says only that it failed; its cause says why. */
function reasonOf(error: unknown): string {
  const inner = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  if (!(inner instanceof Error)) return String(inner);
  return inner.message === '' ? ((inner as NodeJS.ErrnoException).code ?? inner.name) : inner.message;
}
