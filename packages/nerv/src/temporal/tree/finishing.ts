import { refuse } from '../../values/encode.ts';

/** Guards the end of a draft against drafts that contain themselves. */
export class Finishing {
  #isRunning = false;

  /** @throws `value/unsupported` when it is entered from within `body` */
  run<T>(path: string, body: () => T): T {
    if (this.#isRunning) refuse(path, 'a cycle');
    this.#isRunning = true;
    try {
      return body();
    } finally {
      this.#isRunning = false;
    }
  }
}
