import { CliError } from '../errors.ts';
import type { DatabaseApi, Published, PublishPermission, PublishPreview } from 'inner-universe';

/** When all data may be deleted: never, always, or only where no migration leads to the new module. */
export type DeleteData = 'never' | 'always' | 'on-conflict';

/** What a publication may do without being asked again. */
export interface PublishConsent {
  readonly deleteData: DeleteData;
  /** Clients may be disconnected. */
  readonly breakClients: boolean;
  /** Everything above that comes up may be done. */
  readonly yes: boolean;
}

/** What the publisher tells, and how it asks. */
export interface PublishDialogue {
  /**
   * What publishing would do; undefined for a database that does not exist yet. With `deletesData` all of its data go,
   * and no migration is run. Told before anything is asked.
   */
  showPlan(preview: PublishPreview | undefined, deletesData: boolean): void;
  /** Undefined where nobody is there to answer. */
  readonly ask: ((question: string) => Promise<boolean>) | undefined;
}

/**
 * Publishes a bundle: looks at the plan first, shows it, gets consent for what disconnects clients or deletes data,
 * and then publishes exactly that plan.
 * @throws {CliError} `publish/refused` when no migration leads to the module, `cli/not-confirmed`, `server/*`
 */
export async function publishWithConsent(
  api: DatabaseApi,
  bundle: string,
  options: { readonly consent: PublishConsent; readonly dialogue: PublishDialogue },
): Promise<Published> {
  const { consent, dialogue } = options;
  const preview = await api.preview(bundle);
  dialogue.showPlan(preview, deletesData(preview, consent));
  return api.publish(bundle, await decide(preview, consent, dialogue));
}

function deletesData(preview: PublishPreview | undefined, { deleteData }: PublishConsent): boolean {
  if (preview === undefined) return false;
  return deleteData === 'always' || (preview.type === 'manual' && deleteData === 'on-conflict');
}

async function decide(
  preview: PublishPreview | undefined,
  consent: PublishConsent,
  { ask }: PublishDialogue,
): Promise<PublishPermission> {
  if (preview === undefined) return {};
  if (deletesData(preview, consent)) {
    await confirm('This deletes all data of the database, and disconnects its clients.', consent.yes, ask);
    return { clear: true };
  }
  if (preview.type === 'manual') {
    throw new CliError(
      'publish/refused',
      `The module cannot take over the data of the database, and nothing was changed:\n${preview.reason}\nChange the module so that it can; or let go of the data with --delete-data=on-conflict.`,
    );
  }
  if (!preview.breaksClients) return { planToken: preview.token };
  await confirm('This disconnects all clients.', consent.yes || consent.breakClients, ask, '--break-clients or --yes');
  return { planToken: preview.token, breakClients: true };
}

/** Returns when it may be done. */
async function confirm(
  consequence: string,
  isAllowed: boolean,
  ask: PublishDialogue['ask'],
  option = '--yes',
): Promise<void> {
  if (isAllowed) return;
  if (ask === undefined) {
    throw new CliError(
      'cli/not-confirmed',
      `${consequence} Nobody is there to ask, so nothing was changed. Allow it with ${option}.`,
    );
  }
  if (await ask(`${consequence} Go on?`)) return;
  throw new CliError('cli/not-confirmed', 'Nothing was changed.');
}
