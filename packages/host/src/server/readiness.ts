import type { Timers } from '../clock/clock.ts';
import { HostError } from '../errors.ts';
import type { ServedDatabase } from '../session/served-host.ts';

/** How long a database has to answer, which one in a thread does not while a call runs. */
const ANSWER_TIMEOUT_MS = 2_000;

/** Why a database takes no work; undefined when it does. */
export interface DatabaseReadiness {
  readonly name: string;
  readonly notReadyBecause: string | undefined;
}

/** Whether a server takes work now, and if not, why. */
export interface ReadinessReport {
  readonly isReady: boolean;
  readonly isDraining: boolean;
  readonly databases: readonly DatabaseReadiness[];
}

/** What is asked. */
export interface ReadinessParts {
  readonly databases: () => readonly ServedDatabase[];
  readonly timers: Pick<Timers, 'after'>;
}

/** Tells whether a server takes work: its databases answer, their storage takes writes, and it is not about to stop. */
export class Readiness {
  readonly #parts: ReadinessParts;
  #isDraining = false;
  /** The report that is being made: however many ask, the databases are asked once. */
  #asking: Promise<ReadinessReport> | undefined;

  constructor(parts: ReadinessParts) {
    this.#parts = parts;
  }

  /** From now on it is not ready: who balances load between servers sends nothing more here. */
  drain(): void {
    this.#isDraining = true;
  }

  /** Asks every database; one that does not answer within two seconds is not ready. */
  async report(): Promise<ReadinessReport> {
    this.#asking ??= this.#ask().finally(() => (this.#asking = undefined));
    const report = await this.#asking;
    return this.#isDraining ? { ...report, isReady: false, isDraining: true } : report;
  }

  async #ask(): Promise<ReadinessReport> {
    const databases = await Promise.all(
      this.#parts.databases().map(async (served) => ({
        name: served.name,
        notReadyBecause: await this.#reasonOf(served),
      })),
    );
    const isReady = databases.every(({ notReadyBecause }) => notReadyBecause === undefined);
    return { isReady, isDraining: false, databases };
  }

  async #reasonOf({ database }: ServedDatabase): Promise<string | undefined> {
    let stopWaiting: (() => void) | undefined;
    const silence = new Promise<string>((resolve) => {
      const timer = this.#parts.timers.after(ANSWER_TIMEOUT_MS, () =>
        resolve(`it did not answer within ${ANSWER_TIMEOUT_MS} ms: a call may be running, or its storage is behind`),
      );
      stopWaiting = () => timer.cancel();
    });
    const answer = async (): Promise<string | undefined> => {
      try {
        const { isReadOnly } = await database.status();
        if (isReadOnly) return 'its storage failed: it takes no more writes';
        // A storage that is behind catches up; one that is closed never will.
        if (!database.writable) await database.whenWritable();
        return undefined;
      } catch (error) {
        if (!(error instanceof HostError)) throw error;
        return error.message;
      }
    };
    try {
      return await Promise.race([answer(), silence]);
    } finally {
      stopWaiting?.();
    }
  }
}
