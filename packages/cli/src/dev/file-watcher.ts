import { type FSWatcher, watch } from 'node:fs';
import { basename, dirname, sep } from 'node:path';

/** Most folders that are watched; the files of further ones are not, which is told. */
const FOLDERS_MAX = 2_000;

/** Calls back later; `cancel` stops it. */
export type StartTimer = (delayMs: number, callback: () => void) => { cancel(): void };

/** What a watcher reports to, and its time. */
export interface FileWatcherOptions {
  /** Called once when files have changed and nothing changed for `quietMs` after. */
  readonly onChange: () => void;
  /** Called when a folder cannot be watched. */
  readonly onProblem: (message: string) => void;
  readonly startTimer: StartTimer;
  readonly quietMs: number;
}

/** A folder, and what matters in it: the files of these names, or every file that may be source. */
interface WatchedFolder {
  readonly watcher: FSWatcher;
  names: ReadonlySet<string> | 'sources';
}

/**
 * Watches files by the folders they are in, so that files which editors replace, or which are not there yet, are seen
 * too. What packages are installed is not watched.
 */
export class FileWatcher {
  readonly #options: FileWatcherOptions;
  readonly #folders: Map<string, WatchedFolder> = new Map();
  #pending: { cancel(): void } | undefined;
  #isClosed = false;

  constructor(options: FileWatcherOptions) {
    this.#options = options;
  }

  /**
   * Watches these files, and whatever may be source in one folder, where what is missing may come into being; nothing
   * else any more. All by absolute paths.
   */
  watch(files: readonly string[], sourceFolder: string): void {
    if (this.#isClosed) return;
    const wanted = new Map<string, WatchedFolder['names']>([[sourceFolder, 'sources']]);
    for (const file of files) {
      const names = wanted.get(dirname(file)) ?? new Set();
      if (names === 'sources' || file.includes(`${sep}node_modules${sep}`)) continue;
      wanted.set(dirname(file), new Set(names).add(basename(file)));
    }
    for (const [folder, { watcher }] of this.#folders) {
      if (wanted.has(folder)) continue;
      watcher.close();
      this.#folders.delete(folder);
    }
    for (const [folder, names] of wanted) this.#watchFolder(folder, names);
  }

  /** Stops. Nothing is reported any more. */
  close(): void {
    this.#isClosed = true;
    this.#pending?.cancel();
    for (const { watcher } of this.#folders.values()) watcher.close();
    this.#folders.clear();
  }

  #watchFolder(folder: string, names: WatchedFolder['names']): void {
    const known = this.#folders.get(folder);
    if (known !== undefined) {
      known.names = names;
      return;
    }
    if (this.#folders.size >= FOLDERS_MAX) {
      this.#options.onProblem(`${folder} is not watched: there are more than ${FOLDERS_MAX} folders.`);
      return;
    }
    try {
      const watcher = watch(folder, (_event, name) => this.#noticed(folder, name));
      watcher.on('error', (error) => this.#lost(folder, error));
      this.#folders.set(folder, { watcher, names });
    } catch (error) {
      this.#lost(folder, error);
    }
  }

  #noticed(folder: string, name: string | null): void {
    const names = this.#folders.get(folder)?.names ?? new Set();
    // Some systems do not say which file it was.
    const matters = name === null || (names === 'sources' ? SOURCE.test(name) : names.has(name));
    if (!matters) return;
    this.#pending?.cancel();
    this.#pending = this.#options.startTimer(this.#options.quietMs, () => {
      this.#pending = undefined;
      if (!this.#isClosed) this.#options.onChange();
    });
  }

  #lost(folder: string, error: unknown): void {
    this.#folders.get(folder)?.watcher.close();
    this.#folders.delete(folder);
    this.#options.onProblem(
      `${folder} cannot be watched: ${error instanceof Error ? error.message : String(error)}. Start again after changes there.`,
    );
  }
}

const SOURCE = /\.(?:[cm]?[jt]sx?|json)$/;
