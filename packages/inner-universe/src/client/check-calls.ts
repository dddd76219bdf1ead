import type { Op } from '@inner-universe/module/wire';
import { NervError } from '@inner-universe/nerv';
import { CALL_OPTION_FORMS, checkCallOptions, checkOptions, type OptionForms } from '../controller/check-options.ts';
import type { CallOptions } from '../connection/connection.ts';
import { findOpFault } from './check-ops.ts';
import { makeConsumerCheck, makeReadChecks, makeWireError } from './check-wire.ts';
import type { ReadName } from './reads.ts';
import type { WriteOptions } from './request-queue.ts';

const WRITE_OPTIONS: OptionForms = { ...CALL_OPTION_FORMS, remaking: 'function', requestId: 'text' };
const APPLY_OPTIONS: OptionForms = { ...CALL_OPTION_FORMS, requestId: 'text', consumer: 'object' };
const READS = makeReadChecks();
const checkConsumer = makeConsumerCheck();

/** Why this cannot be written: its options are none, or its ops; undefined for what can. */
export function findWriteFault(
  options: WriteOptions | undefined,
  ops: readonly Op[] = [],
  chunks: readonly Op[] = [],
): NervError<string> | undefined {
  const fault = findOptionFault(options);
  // What was called off is not looked at any more: it is not sent.
  if (fault !== undefined || options?.signal?.aborted === true) return fault;
  return findOpFault(ops) ?? findOpFault(chunks);
}

function findOptionFault(options: WriteOptions | undefined): NervError<string> | undefined {
  if (options === undefined) return undefined;
  try {
    checkOptions('write', options, WRITE_OPTIONS);
    return undefined;
  } catch (error) {
    if (error instanceof NervError) return error;
    throw error;
  }
}

/** Refuses options of `apply` that are none. @throws {NervError} `config/invalid`, `value/unsupported` */
export function checkApply(options: { readonly consumer?: unknown }): void {
  checkOptions('apply', options, APPLY_OPTIONS);
  const fault = checkConsumer(options.consumer);
  if (fault !== undefined) throw makeWireError('consumer', fault);
}

/** Refuses arguments that a read does not take. @throws {NervError} `config/invalid`, `value/unsupported` */
export function checkRead(name: ReadName, args: unknown, options: CallOptions): void {
  checkCallOptions(name, options);
  const fault = READS.get(name)?.(args);
  if (fault !== undefined) throw makeWireError(`${name} arguments`, fault);
}
