import type { Context } from '../schema/database.ts';
import type { Op } from '../schema/op-types.ts';

/** What one step of a migration did. */
export interface MigrationStep {
  /** Where the next step goes on; the module stores it as it is. */
  readonly cursor: string;
  readonly done: boolean;
  /** Rows that this step looked at. */
  readonly processed: number;
}

/**
 * What brings data from one schema version to the next: a row of bounded steps, each a transaction of its own. A
 * released migration never changes.
 */
export interface Migration {
  /** The schema version that the data have afterwards; each follows the one before. */
  readonly to: number;
  readonly name: string;
  readonly description: string;
  /** The ops that are refused until it is done, because they would meet rows of both kinds. */
  readonly blocks: 'all' | readonly Op['tag'][];
  /** Takes one step; the first one gets the cursor `''`. Looks at some 2,000 rows at most. */
  readonly step: (ctx: Context, cursor: string) => MigrationStep;
}
