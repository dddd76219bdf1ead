/**
 * What this process keeps of the universe so that it can open without its server: confirmed data only, by name, as
 * texts. Where nothing is kept there is no such object.
 */
export interface LocalCopies {
  /** The text kept under a name, if there is one. */
  get(name: string): Promise<string | undefined>;
  /** Keeps a text; it is written in the background, the last one of a name wins. */
  set(name: string, text: string): void;
  /** Forgets a name. */
  delete(name: string): void;
}
