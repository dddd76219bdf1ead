import type { AccessGrant, Grant, GrantTarget, Permissions, RoleMember, RoleMembership } from 'inner-universe';
import { formatTable, oneLine, toJson } from '../output.ts';
import type { CommandContext } from './context.ts';
import { withUniverse, type LookOptions } from './options.ts';

/** Options that narrow a grant, beside those that name the universe. */
interface GrantOptions extends LookOptions {
  readonly scope?: string | undefined;
  readonly expires?: Date | undefined;
}

/** A grant as it stands on a command line; the client checks it. */
interface GrantWords {
  readonly subject: string;
  readonly action: string;
  readonly resource: string;
}

/** `inner-universe grants list` */
export async function grantsList(
  options: LookOptions & { readonly subject?: string | undefined },
  context: CommandContext,
): Promise<void> {
  await withUniverse(options, context, async ({ universe }) => {
    const permissions = await universe.client.listPermissions({ subject: options.subject }, { signal: context.signal });
    if (options.json === true) context.output.out(toJson(permissions));
    else context.output.out(formatPermissions(permissions));
  });
}

/** `inner-universe grants add` */
export async function grantsAdd(words: GrantWords, options: GrantOptions, context: CommandContext): Promise<void> {
  const grant: AccessGrant = { ...targetOf(words, options), expiresAt: options.expires };
  await withUniverse(options, context, async ({ universe }) => {
    await universe.client.grantAccess(grant, { signal: context.signal });
    const end = options.expires === undefined ? '' : ` until ${options.expires.toISOString()}`;
    tell(context, options, { granted: grant }, `${grant.subject} may ${describe(grant)}${end}`);
  });
}

/** `inner-universe grants remove` */
export async function grantsRemove(words: GrantWords, options: GrantOptions, context: CommandContext): Promise<void> {
  const grant = targetOf(words, options);
  await withUniverse(options, context, async ({ universe }) => {
    await universe.client.revokeAccess(grant, { signal: context.signal });
    tell(context, options, { revoked: grant }, `${grant.subject} may no longer ${describe(grant)} by this grant`);
  });
}

/** `inner-universe grants roles list` */
export async function rolesList(options: LookOptions, context: CommandContext): Promise<void> {
  await withUniverse(options, context, async ({ universe }) => {
    const { members } = await universe.client.listPermissions({}, { signal: context.signal });
    if (options.json === true) context.output.out(toJson(members));
    else context.output.out(members.length === 0 ? 'Nobody is in a role.' : formatMembers(members));
  });
}

/** `inner-universe grants roles add` */
export async function rolesAdd(words: RoleMembership, options: LookOptions, context: CommandContext): Promise<void> {
  await withUniverse(options, context, async ({ universe }) => {
    await universe.client.addRoleMember(words, { signal: context.signal });
    tell(context, options, { added: words }, `${words.member} is in the role ${words.role}`);
  });
}

/** `inner-universe grants roles remove` */
export async function rolesRemove(words: RoleMembership, options: LookOptions, context: CommandContext): Promise<void> {
  await withUniverse(options, context, async ({ universe }) => {
    await universe.client.removeRoleMember(words, { signal: context.signal });
    tell(context, options, { removed: words }, `${words.member} is no longer in the role ${words.role}`);
  });
}

function targetOf({ subject, action, resource }: GrantWords, { scope }: GrantOptions): GrantTarget {
  // The client refuses an action that there is none of.
  return { subject, action: action as GrantTarget['action'], resource, scope };
}

function describe({ action, resource, scope }: GrantTarget): string {
  return `${action} ${resource}${scope === undefined ? '' : ` in ${scope}`}`;
}

function tell(context: CommandContext, { json }: LookOptions, value: object, text: string): void {
  context.output.out(json === true ? toJson(value) : text);
}

function formatPermissions({ grants, members }: Permissions): string {
  if (grants.length === 0 && members.length === 0) return 'Nothing is granted: the owner alone may come in.';
  return [
    ...(grants.length === 0 ? [] : [formatGrants(grants)]),
    ...(members.length === 0 ? [] : [formatMembers(members)]),
  ].join('\n\n');
}

function formatGrants(grants: readonly Grant[]): string {
  const rows = grants.map(({ subject, action, resource, scope, expiresAt }) => [
    oneLine(subject, 80),
    action,
    oneLine(resource, 60),
    oneLine(scope ?? '*', 40),
    expiresAt?.toISOString() ?? 'never',
  ]);
  return formatTable(['who', 'may', 'what', 'in scope', 'ends'], rows);
}

function formatMembers(members: readonly RoleMember[]): string {
  const rows = members.map(({ role, member, grantedAt }) => [oneLine(role, 60), member, grantedAt.toISOString()]);
  return formatTable(['role', 'member', 'since'], rows);
}
