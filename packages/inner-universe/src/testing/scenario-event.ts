/** An event as a scenario gives or expects it. Of an expected one, what is left out is not looked at. */
export interface ScenarioEvent {
  readonly type: string;
  readonly data?: unknown;
  readonly source?: string | undefined;
  readonly metadata?: Readonly<Record<string, unknown>> | undefined;
}

/** An event of a scenario. Without data, an expected event may have any. */
export function event(type: string, data?: unknown, more: Omit<ScenarioEvent, 'type' | 'data'> = {}): ScenarioEvent {
  return data === undefined ? { type, ...more } : { type, data, ...more };
}
