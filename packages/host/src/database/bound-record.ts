import type { LogRecord } from '../clock/clock.ts';

/** Longest message of one record, in UTF-16 code units. */
const MESSAGE_LENGTH_MAX = 32 * 1024;

/** Longest name of a function in a record: one that a client made up may be as long as its message. */
const NAME_LENGTH_MAX = 200;

/**
 * The record, with what is too long cut off: what a module or a client says must not fill memory or disks, whatever
 * the logger does with it.
 */
export function boundRecord<Part extends Pick<LogRecord, 'message' | 'functionName'>>(record: Part): Part {
  const { message, functionName } = record;
  const isLongName = functionName !== undefined && functionName.length > NAME_LENGTH_MAX;
  if (message.length <= MESSAGE_LENGTH_MAX && !isLongName) return record;
  return {
    ...record,
    message: message.length <= MESSAGE_LENGTH_MAX ? message : cutMessage(message),
    functionName: isLongName ? `${functionName.slice(0, NAME_LENGTH_MAX)}…` : functionName,
  };
}

function cutMessage(message: string): string {
  return `${message.slice(0, MESSAGE_LENGTH_MAX)}… (cut: the message has ${message.length} characters)`;
}
