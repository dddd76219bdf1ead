import { createHash } from 'node:crypto';
import type { ExchangeOutcome, ExchangePlan } from './database/program-exchange.ts';
import { HostError } from './errors.ts';
import type { HostedDatabase } from './hosted-database.ts';
import { identityToHex } from './identity/identity.ts';
import { describePlan, formatPlan, type PlanLine } from './migration/describe-plan.ts';
import type { MigrationPlan } from './migration/migration-plan.ts';

/** How a database that exists gets another program. */
export interface UpdateOptions {
  /**
   * Whether the migration may end connected clients, whose rows and queries would not be of the new program's form.
   * Default `compatible`: a plan that would is refused.
   */
  readonly policy?: 'compatible' | 'break-clients' | undefined;
  /**
   * True deletes all data and runs the new program's `init`; `on-conflict` does so where the plan is refused. Default
   * false: the data are migrated, or nothing changes.
   */
  readonly clear?: boolean | 'on-conflict' | undefined;
  /** That of a plan: nothing changes when the program that runs, or the one to publish, is another than it was made for. */
  readonly token?: string | undefined;
}

/** What publishing a program to a database would do. */
export interface PublishPlan extends MigrationPlan {
  /** `unchanged`: the database runs this very program. */
  readonly type: 'update' | 'unchanged';
  /** The plan for people, line by line, each with its kind: for whoever shows it in colours. */
  readonly lines: readonly PlanLine[];
  /** The lines as plain text. */
  readonly text: string;
  /** Stands for the two programs; give it to `publish` to be sure that it does what this plan says. */
  readonly token: string;
}

/** Plans without changing anything. @throws as `Host.planPublish` */
export async function planUpdate(hosted: HostedDatabase, program: string): Promise<PublishPlan> {
  const { database } = hosted;
  const isSame = database.program === program;
  const token = tokenOf(hosted, program);
  const { steps, breaksClients, refusals }: MigrationPlan = isSame ? NO_CHANGE : await database.planExchange(program);
  const lines = describePlan({ steps, refusals });
  return {
    type: isSame ? 'unchanged' : 'update',
    steps,
    breaksClients,
    refusals,
    lines,
    text: formatPlan(lines),
    token,
  };
}

/** Gives a database another program; undefined when it runs this very one. @throws as `Host.publish` */
export async function updateDatabase(
  hosted: HostedDatabase,
  program: string,
  { policy, clear, token }: UpdateOptions,
): Promise<ExchangeOutcome | undefined> {
  if (token !== undefined && token !== tokenOf(hosted, program)) throw outdated(hosted);
  const isRunning = hosted.failure === undefined;
  if (hosted.database.program === program && clear !== true && isRunning) return undefined;
  const data = clear === true ? 'clear' : clear === 'on-conflict' ? 'clear-on-conflict' : 'migrate';
  return hosted.database.exchangeProgram({ program, data, policy });
}

const NO_CHANGE: Pick<ExchangePlan, 'steps' | 'breaksClients' | 'refusals'> = {
  steps: [],
  breaksClients: false,
  refusals: [],
};

function tokenOf({ identity, database }: HostedDatabase, program: string): string {
  const parts = [identityToHex(identity), sha256(database.program), sha256(program)];
  return `0x${sha256(parts.join(' '))}`;
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

function outdated({ name }: HostedDatabase): HostError {
  return new HostError({
    code: 'database/plan-outdated',
    message: `the plan that was agreed to is not the one that would be run: "${name}" runs another program by now, or another one is published. Nothing was changed; look at a new plan, and publish with its token.`,
    details: { name },
  });
}
