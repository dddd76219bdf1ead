import { InvalidArgumentError, type Command } from 'commander';
import type { CommandContext } from './commands/context.ts';
import { grantsAdd, grantsList, grantsRemove, rolesAdd, rolesList, rolesRemove } from './commands/grants.ts';
import { identitiesNew } from './commands/identities.ts';

/** The commands that let others in: identities, grants, roles. `target` adds the options that name a universe. */
export function addGrantCommands(
  program: Command,
  context: CommandContext,
  target: (command: Command) => Command,
): void {
  const identities = program.command('identities').description('who can be let in');
  target(
    identities.command('new').description('make an identity that nobody had before, and print it with its token'),
  ).action((options) => identitiesNew(options, context));
  const grants = program.command('grants').description('who may do what');
  target(grants.command('list').description('grants, and who is in which role'))
    .option('--subject <who>', 'of this identity, or role:NAME')
    .action((options) => grantsList(options, context));
  const one = (name: string, description: string): Command =>
    target(grants.command(name).description(description))
      .argument('<subject>', 'an identity, or role:NAME')
      .argument('<action>', 'read, write, publish, create, update, delete, commit, consume, configure, grant:admin')
      .argument(
        '<resource>',
        'scope:NAME, event:PATTERN, entity:TYPE, relation:TYPE, store:NAME, config:KEY; * for all',
      )
      .option('--scope <name>', 'in this scope alone (default: in every scope)');
  one('add', 'let somebody do something; again, to change when it ends')
    .option('--expires <time>', 'when it ends, such as 2027-01-31T12:00:00Z (default: never)', parseExpires)
    .action((subject: string, action: string, resource: string, options) =>
      grantsAdd({ subject, action, resource }, options, context),
    );
  one('remove', 'take a grant back').action((subject: string, action: string, resource: string, options) =>
    grantsRemove({ subject, action, resource }, options, context),
  );
  addRoles(grants, context, target);
}

function addRoles(grants: Command, context: CommandContext, target: (command: Command) => Command): void {
  const roles = grants.command('roles').description('who is in which role; the owner decides it');
  target(roles.command('list').description('all members of roles')).action((options) => rolesList(options, context));
  const one = (name: string, description: string): Command =>
    target(roles.command(name).description(description)).argument('<role>').argument('<identity>');
  one('add', 'give an identity all that the role may do').action((role: string, member: string, options) =>
    rolesAdd({ role, member }, options, context),
  );
  one('remove', 'take an identity out of the role').action((role: string, member: string, options) =>
    rolesRemove({ role, member }, options, context),
  );
}

function parseExpires(text: string): Date {
  const date = new Date(text);
  if (/^\d{4}-\d{2}-\d{2}(T.+)?$/.test(text) && !Number.isNaN(date.getTime())) return date;
  throw new InvalidArgumentError('Give a time, such as 2027-01-31 or 2027-01-31T12:00:00Z.');
}
