import { HostError } from '../errors.ts';

/** One step into a JSON value: the key of an object or the position in an array. */
export type JsonStep = string | number;

/**
 * JSON that is not what it should be. Codes: `sats-json/malformed` (no JSON), `sats-json/mismatch` (JSON, but no value
 * of the type; `details.path` says where), `sats-json/limit` (nested too deep).
 */
export class SatsJsonError extends HostError {}

/** A text that is no JSON; `at` counts UTF-16 units from 0. */
export function malformedJson(problem: string, at: number): SatsJsonError {
  return new SatsJsonError({
    code: 'sats-json/malformed',
    message: `malformed JSON at character ${at}: ${problem}`,
    details: { at, problem },
  });
}

/** JSON that is no value of the type; the path leads to the part that is not. */
export function mismatch(problem: string, steps: readonly JsonStep[]): SatsJsonError {
  const path = formatPath(steps);
  return new SatsJsonError({
    code: 'sats-json/mismatch',
    message: `${problem} at ${path}`,
    details: { path, problem },
  });
}

/** JSON that is nested deeper than any value is. */
export function tooDeep(depthMax: number, at: number): SatsJsonError {
  return new SatsJsonError({
    code: 'sats-json/limit',
    message: `JSON is nested deeper than ${depthMax} levels at character ${at}`,
    details: { depthMax, at },
  });
}

const PATH_STEP_LENGTH_MAX = 60;

/** `$.name[0]["odd key"]`. */
function formatPath(steps: readonly JsonStep[]): string {
  const parts = steps.map((step) => {
    if (typeof step === 'number') return `[${step}]`;
    if (/^[A-Za-z_]\w*$/.test(step) && step.length <= PATH_STEP_LENGTH_MAX) return `.${step}`;
    return `[${JSON.stringify(step.slice(0, PATH_STEP_LENGTH_MAX))}]`;
  });
  return `$${parts.join('')}`;
}
