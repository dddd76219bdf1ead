import type { LogLevel, LogRecord } from '../clock/clock.ts';

/** Longest message that is kept, in UTF-16 code units; what is longer is cut, and says so. */
const MESSAGE_LENGTH_MAX = 32 * 1024;

/** Frames of a stack that are kept. */
const FRAMES_MAX = 32;

/** Stands where a line of the host itself has no function of the module. */
const HOST_SENTINEL = '__spacetimedb__';

const LEVELS: readonly LogLevel[] = ['trace', 'debug', 'info', 'warn', 'error', 'panic'];

/** One frame of a stack. */
export interface LogFrame {
  /** File, line and column in the module's bundle. */
  readonly moduleName: string;
  readonly functionName: string;
}

/** A line of a database's log. */
export interface LogEntry {
  readonly level: LogLevel;
  readonly timestampMicros: bigint;
  /** Who said it. */
  readonly source: 'host' | 'module';
  /** The reducer or procedure that ran. */
  readonly functionName: string | undefined;
  readonly message: string;
  /** Where the module failed, the innermost frame first; empty but for panics. */
  readonly trace: readonly LogFrame[];
}

/** A record as one line of JSON, without the line's end: the form that the official CLI reads. */
export function formatLogLine(record: LogRecord): string {
  const { level, message, functionName } = record;
  const isHost = record.source === 'host';
  const { head, frames } = level === 'panic' ? splitStack(message) : { head: message, frames: [] };
  return JSON.stringify({
    level: level.charAt(0).toUpperCase() + level.slice(1),
    // Microseconds since the epoch stay below 2^53 until the year 2255.
    ts: Number(record.timestampMicros),
    ...(isHost ? { target: HOST_SENTINEL } : {}),
    ...(isHost ? { function: HOST_SENTINEL } : functionName === undefined ? {} : { function: functionName }),
    message: cut(head),
    ...(level === 'panic' ? { trace: frames.map(toWireFrame) } : {}),
  });
}

/** The entry that a line stands for; undefined when it is not one of ours, such as half a line. */
export function tryParseLogLine(line: string): LogEntry | undefined {
  let parsed: unknown;
  try {
    parsed = JSON.parse(line);
  } catch {
    // A crash may leave half a line; whoever reads goes on behind it.
    return undefined;
  }
  if (typeof parsed !== 'object' || parsed === null) return undefined;
  const { level, ts, target, function: functionName, message, trace } = parsed as Readonly<Record<string, unknown>>;
  const known = LEVELS.find((name) => typeof level === 'string' && level.toLowerCase() === name);
  if (known === undefined || typeof message !== 'string' || !Number.isSafeInteger(ts)) return undefined;
  return {
    level: known,
    timestampMicros: BigInt(ts as number),
    source: target === HOST_SENTINEL ? 'host' : 'module',
    functionName: typeof functionName === 'string' && functionName !== HOST_SENTINEL ? functionName : undefined,
    message,
    trace: Array.isArray(trace) ? trace.flatMap(parseFrame) : [],
  };
}

function parseFrame(frame: unknown): LogFrame[] {
  if (typeof frame !== 'object' || frame === null) return [];
  const { module_name: moduleName, func_name: functionName } = frame as Readonly<Record<string, unknown>>;
  return typeof moduleName === 'string' && typeof functionName === 'string' ? [{ moduleName, functionName }] : [];
}

function toWireFrame({ moduleName, functionName }: LogFrame): unknown {
  return { module_name: moduleName, func_name: functionName };
}

/** Takes the frames of a stack off the message that they follow. */
function splitStack(text: string): { readonly head: string; readonly frames: readonly LogFrame[] } {
  const lines = text.split('\n');
  const first = lines.findIndex((line) => tryParseFrame(line) !== undefined);
  if (first < 0) return { head: text, frames: [] };
  const frames = lines.slice(first, first + FRAMES_MAX).map(tryParseFrame);
  return { head: lines.slice(0, first).join('\n'), frames: frames.filter((frame) => frame !== undefined) };
}

function tryParseFrame(line: string): LogFrame | undefined {
  const named = /^ {4}at (.{1,200}?) \((.{1,500})\)$/.exec(line);
  if (named?.[1] !== undefined && named[2] !== undefined) return { functionName: named[1], moduleName: named[2] };
  const bare = /^ {4}at (\S{1,500}:\d+:\d+)$/.exec(line);
  return bare?.[1] === undefined ? undefined : { functionName: '<anonymous>', moduleName: bare[1] };
}

function cut(message: string): string {
  if (message.length <= MESSAGE_LENGTH_MAX) return message;
  return `${message.slice(0, MESSAGE_LENGTH_MAX)}… (cut: the message has ${message.length} characters)`;
}
