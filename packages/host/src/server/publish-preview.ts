import type { PlanLine } from '../migration/describe-plan.ts';
import { formatRefusals } from '../migration/describe-plan.ts';
import type { PublishPlan } from '../publishing.ts';
import type { PublishPreview } from './managed-host.ts';

/** Escape sequences of terminals, by the kind of a line. */
const COLORS: Readonly<Record<PlanLine['kind'], string>> = {
  add: '32',
  remove: '31',
  change: '33',
  refusal: '1;31',
  break: '1;35',
};

/** A plan in the form that publishers are shown before they agree to it. */
export function makePublishPreview(plan: PublishPlan, isColored: boolean): PublishPreview {
  const { breaksClients, token, refusals } = plan;
  if (refusals.length > 0) return { type: 'manual', reason: formatRefusals(refusals) };
  return { type: 'automatic', text: isColored ? colored(plan) : plan.text, breaksClients, token };
}

/** The lines of the plain text are those of the plan, one for one; without any there is one that says so. */
function colored({ lines, text }: PublishPlan): string {
  return text
    .split('\n')
    .map((line, position) => {
      const kind = lines[position]?.kind;
      return kind === undefined ? line : `\u001b[${COLORS[kind]}m${line}\u001b[0m`;
    })
    .join('\n');
}
