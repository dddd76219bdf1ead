import { HostError } from '../errors.ts';

/**
 * A view that could not be evaluated, code `view/failed`. The message is meant for whoever asked for the view, or made
 * the change after which it failed; what is the module's own affair is in the log.
 */
export class ViewError extends HostError {
  constructor(view: string, problem: string, cause?: unknown) {
    super({
      code: 'view/failed',
      message: `Error materializing view \`${view}\`: ${problem}`,
      details: { view },
      cause,
    });
  }
}
