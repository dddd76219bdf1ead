import pc from 'picocolors';
import type { DefinitionChange } from './definition-changes.ts';
import type { DevReport } from './dev-session.ts';

/** A report for people; undefined where there is nothing to say. */
export function formatReport(report: DevReport): string | undefined {
  switch (report.type) {
    case 'unchanged':
      return undefined;
    case 'failed':
      return formatFailure(report.error);
    case 'published':
      return formatPublication(report);
  }
}

function formatFailure(error: Error): string {
  const { code } = error as { code?: unknown };
  const kind = typeof code === 'string' ? `${pc.dim(code)} ` : '';
  return `${pc.red('not published')} ${kind}${error.message}\n${pc.dim('The module before goes on running; waiting for changes.')}`;
}

function formatPublication({ outcome, exchange, changes, bindings }: DevReport & { type: 'published' }): string {
  const remarks = [
    ...(exchange?.type === 'cleared' ? [pc.yellow('all data was deleted')] : []),
    ...(exchange?.endsClients === true ? [pc.yellow('clients were disconnected')] : []),
    ...(bindings === 'written' ? ['bindings written'] : []),
  ];
  const head = `${pc.green(HEADINGS[outcome])}${remarks.length === 0 ? '' : `; ${remarks.join('; ')}`}`;
  const lines = changes.flatMap(formatChange);
  const nothing =
    outcome === 'updated' && lines.length === 0 ? [pc.dim('  the code only: tables and functions are as before')] : [];
  return [head, ...lines, ...nothing].join('\n');
}

const HEADINGS = { created: 'created', updated: 'published', unchanged: 'running, as it was' } as const;

function formatChange({ type, kind, name, details }: DefinitionChange): string[] {
  return [`  ${SIGNS[type]} ${kind} ${pc.bold(name)}`, ...details.map((detail) => pc.dim(`      ${detail}`))];
}

const SIGNS = { added: pc.green('+'), removed: pc.red('-'), changed: pc.cyan('~') } as const;
