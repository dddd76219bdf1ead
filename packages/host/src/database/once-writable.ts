/** What may keep calls waiting: its storage, or another program that is taking over. */
interface WritableDatabase {
  readonly writable: boolean;
  whenWritable(): Promise<void>;
}

/**
 * Calls a database as soon as calls may write: in the very turn in which they may, so that nothing comes between. Where
 * they never will again the call is made at once, and is told so unless it only reads.
 */
export async function onceWritable<Result>(
  database: WritableDatabase,
  call: () => Result | Promise<Result>,
): Promise<Result> {
  while (!database.writable) {
    try {
      await database.whenWritable();
    } catch {
      // The storage failed or is closed: the call has its own words for that.
      break;
    }
  }
  return call();
}
