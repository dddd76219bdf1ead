import { BsatnError } from '../bsatn/bsatn-error.ts';
import { withoutConnectionHeaders } from './connection-headers.ts';
import type { HandlerResponse } from './handler-call.ts';
import { decodeResponseHead, type HttpHeader } from './http-message.ts';

/** Largest body of a response, in bytes. */
const BODY_BYTES_MAX = 64 * 1024 * 1024;

/** Most headers of a response, and most bytes of their names and values together: what clients take. */
const HEADERS_MAX = 256;
const HEADER_BYTES_MAX = 64 * 1024;

const NAME = /^[a-z0-9!#$%&'*+\-.^_`|~]+$/;
const TAB = 0x09;
const DELETE = 0x7f;

/** What a handler returned, as it can be sent, or why it cannot. */
export type CheckedResponse =
  | { readonly type: 'valid'; readonly response: HandlerResponse }
  | { readonly type: 'invalid'; readonly problem: string };

/**
 * Checks what a handler returned. Headers of the connection and the length of the body are the server's to say and are
 * left out; anything that HTTP cannot carry makes the whole invalid, so that nothing of it is sent.
 */
export function checkResponse(head: Uint8Array, body: Uint8Array): CheckedResponse {
  try {
    const { status, headers } = decodeResponseHead(head);
    const lowerCase = headers.map(({ name, value }) => ({ name: name.toLowerCase(), value }));
    const problem = problemOf(status, lowerCase, body);
    if (problem !== undefined) return { type: 'invalid', problem };
    const sent = withoutConnectionHeaders(lowerCase).filter(({ name }) => name !== 'content-length');
    return { type: 'valid', response: { status, headers: sent, body } };
  } catch (error) {
    if (!(error instanceof BsatnError)) throw error;
    return { type: 'invalid', problem: `its head is malformed: ${error.message}` };
  }
}

function problemOf(status: number, headers: readonly HttpHeader[], body: Uint8Array): string | undefined {
  if (status < 200 || status > 599) return `${status} is no status of a final response (200 to 599)`;
  if (body.length > BODY_BYTES_MAX) return `its body is longer than ${BODY_BYTES_MAX} bytes`;
  if (headers.length > HEADERS_MAX) return `it has more than ${HEADERS_MAX} headers`;
  let bytes = 0;
  for (const { name, value } of headers) {
    bytes += name.length + value.length;
    if (!NAME.test(name)) return `${JSON.stringify(name.slice(0, 100))} is no name of a header`;
    if (!value.every(isValueByte)) return `the value of the header ${name} holds a control character`;
  }
  return bytes > HEADER_BYTES_MAX ? `its headers are longer than ${HEADER_BYTES_MAX} bytes` : undefined;
}

function isValueByte(byte: number): boolean {
  return byte === TAB || (byte >= 0x20 && byte !== DELETE);
}
