import { RefusedError } from '../errors.ts';

/**
 * Tells of a right that is not there once, however often it is met, until what needs it goes through again: whoever
 * follows asks again each time that something happens.
 */
export class OnceDenied {
  readonly #tell: (error: unknown) => void;
  #told: string | undefined;

  constructor(tell: (error: unknown) => void) {
    this.#tell = tell;
  }

  /** What was refused before went through. */
  noteAllowed(): void {
    this.#told = undefined;
  }

  /** Tells an error, unless it is the refusal that was told last. */
  report(error: unknown): void {
    if (!isDenied(error)) {
      this.#tell(error);
      return;
    }
    if (this.#told === error.message) return;
    this.#told = error.message;
    this.#tell(error);
  }
}

/** Whether the caller lacks a right. */
export function isDenied(error: unknown): error is RefusedError {
  return error instanceof RefusedError && error.code === 'permission/denied';
}
