import { errorMessage, HostError, type HostErrorInit } from '../errors.ts';
import { SchemaError, type SchemaProblem } from '../schema/schema-error.ts';
import { StorageError, type StorageErrorInit } from '../storage/storage-error.ts';

/** An error in the form that crosses between threads. */
export interface WireError {
  /** Absent for anything that is no `HostError`. */
  readonly code?: HostErrorInit['code'] | undefined;
  readonly message: string;
  readonly stack: string | undefined;
  readonly details: Readonly<Record<string, unknown>>;
  readonly retryable: boolean;
}

/** How deep details are copied; what lies deeper is shown as text. */
const DEPTH_MAX = 4;

/** The error as plain data. */
export function toWireError(error: unknown): WireError {
  const stack = error instanceof Error ? error.stack : undefined;
  if (!(error instanceof HostError)) return { message: errorMessage(error), stack, details: {}, retryable: false };
  const { code, message, details, retryable } = error;
  return { code, message, stack, details: toPlainRecord(details), retryable };
}

/** The error again, of the class it had. */
export function fromWireError(wire: WireError): Error {
  const error = rebuild(wire);
  if (wire.stack !== undefined) error.stack = wire.stack;
  return error;
}

/** A copy that can be sent to another thread: errors become plain data, functions and what lies too deep become text. */
export function toPlainRecord(record: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, toPlain(value, 1)]));
}

function rebuild({ code, message, details, retryable }: WireError): Error {
  if (code === undefined) return new Error(message);
  if (code === 'schema/invalid' || code === 'schema/unsupported') {
    // `toWireError` took them from a SchemaError's details, where they are a list of plain problems.
    const problems = details['problems'];
    if (Array.isArray(problems)) return new SchemaError(problems as readonly SchemaProblem[], code);
  }
  // The codes of this area are those of storage errors.
  if (code.startsWith('storage/')) return new StorageError({ code, message, details, retryable } as StorageErrorInit);
  return new HostError({ code, message, details, retryable });
}

function toPlain(value: unknown, depth: number): unknown {
  if (typeof value === 'function' || typeof value === 'symbol') return String(value);
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return value;
  if (value instanceof Error) return toWireError(value);
  if (depth >= DEPTH_MAX) return Object.prototype.toString.call(value);
  if (Array.isArray(value)) return value.map((item) => toPlain(item, depth + 1));
  if (value instanceof Map || value instanceof Set) return toPlain([...value], depth);
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, toPlain(item, depth + 1)]));
}
