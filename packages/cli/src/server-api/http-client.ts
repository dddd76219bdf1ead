import { CliError } from '../errors.ts';

/** Longest that a server may take to answer, loading a module and moving its data included. */
const TIMEOUT_MS = 300_000;
/** Largest answer that is read. */
const ANSWER_BYTES_MAX = 32 * 1024 * 1024;

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

/** Speaks HTTP to one server, with a token that goes nowhere else. */
export class HttpClient {
  readonly server: URL;
  readonly #token: string | undefined;
  readonly #signal: AbortSignal;

  constructor(server: URL, options: { readonly token: string | undefined; readonly signal: AbortSignal }) {
    this.server = server;
    this.#token = options.token;
    this.#signal = options.signal;
  }

  get hasToken(): boolean {
    return this.#token !== undefined;
  }

  /**
   * The answer, whatever its status.
   * @throws {CliError} `server/unreachable`, `server/failed` for an answer that cannot be read; the signal's reason.
   */
  async send(request: HttpRequest): Promise<HttpAnswer> {
    const url = new URL(request.path, this.server);
    for (const [name, value] of Object.entries(request.query ?? {})) {
      if (value !== undefined) url.searchParams.set(name, value);
    }
    const headers: Record<string, string> = {};
    if (this.#token !== undefined) headers['authorization'] = `Bearer ${this.#token}`;
    if (request.body !== undefined) headers['content-type'] = 'application/octet-stream';
    const timeout = AbortSignal.timeout(TIMEOUT_MS);
    const signal = AbortSignal.any([this.#signal, timeout]);
    try {
      const { method, body } = request;
      // A redirection could lead the token and the module astray.
      const response = await fetch(url, {
        method,
        headers,
        signal,
        redirect: 'error',
        ...(body === undefined ? {} : { body }),
      });
      return { status: response.status, text: await readBounded(response) };
    } catch (error) {
      this.#signal.throwIfAborted();
      if (error instanceof CliError) throw error;
      throw this.#unreachable(
        timeout.aborted ? `it took longer than ${TIMEOUT_MS / 1000} seconds` : reasonOf(error),
        error,
      );
    }
  }

  #unreachable(reason: string, cause: unknown): CliError {
    const { origin } = this.server;
    return new CliError(
      'server/unreachable',
      `${origin} does not answer: ${reason}. Is the server running, and is the address right (--server)?`,
      { details: { server: origin }, cause },
    );
  }
}

async function readBounded(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
    size += chunk.byteLength;
    if (size > ANSWER_BYTES_MAX) {
      throw new CliError('server/failed', `The answer is larger than ${ANSWER_BYTES_MAX} bytes and was not read.`);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** What `fetch` throws says only that it failed; its cause says why. */
function reasonOf(error: unknown): string {
  const inner = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  if (!(inner instanceof Error)) return String(inner);
  return inner.message === '' ? ((inner as NodeJS.ErrnoException).code ?? inner.name) : inner.message;
}
