import { checkOptions, type OptionForms } from '../controller/check-options.ts';
import type { LogPublishOptions } from './spacetime-event-bus.ts';

const FORMS: Readonly<Record<keyof Required<LogPublishOptions>, OptionForms[string]>> = {
  id: 'any',
  source: 'any',
  metadata: 'any',
  timestamp: 'any',
  durability: ['durable', 'ephemeral', 'local'],
  partitionKey: 'any',
  optimistic: [true, false],
  scope: 'any',
  signal: 'any',
  timeoutMs: 'any',
};

/** Refuses options that are none: an event would go out as durable that was meant otherwise. @throws `config/invalid` */
export function checkPublishOptions(options: LogPublishOptions): void {
  checkOptions('a publication', options, FORMS);
}
