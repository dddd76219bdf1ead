import type { Datastore } from '../datastore/datastore.ts';
import { HostError } from '../errors.ts';
import { type DataMigration, planDataMigration } from '../migration/carry-over.ts';
import { checkData } from '../migration/check-data.ts';
import { formatRefusals } from '../migration/describe-plan.ts';
import type { MigrationPlan } from '../migration/migration-plan.ts';
import { planMigration } from '../migration/plan-migration.ts';
import type { ModuleDef } from '../schema/module-def.ts';

/** How a new program takes over data that are there now. */
export interface SchemaChange {
  /** With the refusals that the rows give reason for. */
  readonly plan: MigrationPlan;
  /** What becomes of the data; undefined when the plan is refused. */
  readonly migration: DataMigration | undefined;
}

/**
 * Plans how a new program takes over, definitions and rows taken together. Tables of both definitions are the same when
 * their numbers are. Reads every row of the tables that get constraints or sequences; changes nothing.
 */
export function planSchemaChange(
  { def: before, datastore }: { readonly def: ModuleDef; readonly datastore: Datastore },
  after: ModuleDef,
): SchemaChange {
  const plan = planMigration(before, after);
  // Rows are looked at in their new form, which there is only when the definitions fit.
  if (plan.refusals.length > 0) return { plan, migration: undefined };
  const system = datastore.tables.filter(({ isSystem }) => isSystem);
  const tables = { before: [...system, ...before.tables], after: [...system, ...after.tables] };
  const migration = planDataMigration(tables.before, tables.after, datastore.sequenceAllocations());
  const refusals = checkData(plan, { state: datastore.committed, ...tables, carried: migration.tables });
  return { plan: { ...plan, refusals }, migration: refusals.length > 0 ? undefined : migration };
}

/** What becomes of the data. @throws {HostError} `database/migration-refused` naming each refusal */
export function requireMigration({ plan, migration }: SchemaChange): DataMigration {
  if (migration !== undefined) return migration;
  const { refusals } = plan;
  throw new HostError({
    code: 'database/migration-refused',
    message: `the new program cannot take over the data as they are; nothing was changed:\n${formatRefusals(refusals)}`,
    details: { refusals },
  });
}
