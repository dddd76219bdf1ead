import { BsatnReader } from '../bsatn/reader.ts';
import { BsatnWriter } from '../bsatn/writer.ts';
import { HTTP_METHODS } from '../schema/decode-module-def.ts';

/*
 * Heads of HTTP messages as modules exchange them with the host, in BSATN. Bodies travel beside them as bytes.
 *
 *   request   method, headers, timeout (option of microseconds), uri, version
 *   response  headers, version, status (u16)
 *   method    tag by its place in HTTP_METHODS, or the tag after the last and the method's name
 *   headers   array of name (string) and value (bytes)
 *   version   tag by its place in HTTP_VERSIONS
 */

/** One header field. A name may occur several times. */
export interface HttpHeader {
  readonly name: string;
  /** Bytes, mostly text; HTTP does not say in which encoding. */
  readonly value: Uint8Array;
}

/** The versions of HTTP that a module knows, in the order of their tags. */
export const HTTP_VERSIONS = ['0.9', '1.0', '1.1', '2.0', '3.0'] as const;

/** A version of HTTP. */
export type HttpVersion = (typeof HTTP_VERSIONS)[number];

/** A request without its body. */
export interface HttpRequestHead {
  readonly method: string;
  readonly headers: readonly HttpHeader[];
  /** How long the whole exchange may take; a request that comes in has none. */
  readonly timeoutMicros: bigint | undefined;
  readonly uri: string;
  readonly version: HttpVersion;
}

/** A response without its body. */
export interface HttpResponseHead {
  readonly headers: readonly HttpHeader[];
  readonly version: HttpVersion;
  readonly status: number;
}

const SOME = 0;
const NONE = 1;

/** The version of HTTP that a number such as `1.1` names; 1.1 for any that a module does not know. */
export function toHttpVersion(number: string): HttpVersion {
  return HTTP_VERSIONS.find((version) => version === number) ?? '1.1';
}

/** The BSATN of a request's head. */
export function encodeRequestHead({ method, headers, timeoutMicros, uri, version }: HttpRequestHead): Uint8Array {
  const writer = new BsatnWriter();
  const known = HTTP_METHODS.findIndex((candidate) => candidate === method);
  writer.u8(known === -1 ? HTTP_METHODS.length : known);
  if (known === -1) writer.string(method);
  writeHeaders(writer, headers);
  writer.u8(timeoutMicros === undefined ? NONE : SOME);
  if (timeoutMicros !== undefined) writer.i64(timeoutMicros);
  writer.string(uri);
  writer.u8(HTTP_VERSIONS.indexOf(version));
  return writer.toBytes();
}

/** Reads a request's head. @throws {BsatnError} `bsatn/malformed` */
export function decodeRequestHead(bytes: Uint8Array): HttpRequestHead {
  const reader = new BsatnReader(bytes);
  const method = HTTP_METHODS[readTag(reader, HTTP_METHODS.length + 1)] ?? reader.string();
  const headers = readHeaders(reader);
  const timeoutMicros = readTag(reader, 2) === SOME ? reader.i64() : undefined;
  const uri = reader.string();
  const version = readVersion(reader);
  reader.expectEnd();
  return { method, headers, timeoutMicros, uri, version };
}

/** The BSATN of a response's head. */
export function encodeResponseHead({ headers, version, status }: HttpResponseHead): Uint8Array {
  const writer = new BsatnWriter();
  writeHeaders(writer, headers);
  writer.u8(HTTP_VERSIONS.indexOf(version));
  writer.u16(status);
  return writer.toBytes();
}

/** Reads a response's head. @throws {BsatnError} `bsatn/malformed` */
export function decodeResponseHead(bytes: Uint8Array): HttpResponseHead {
  const reader = new BsatnReader(bytes);
  const headers = readHeaders(reader);
  const version = readVersion(reader);
  const status = reader.u16();
  reader.expectEnd();
  return { headers, version, status };
}

function writeHeaders(writer: BsatnWriter, headers: readonly HttpHeader[]): void {
  writer.arrayLength(headers.length);
  for (const { name, value } of headers) {
    writer.string(name);
    writer.byteArray(value);
  }
}

function readHeaders(reader: BsatnReader): HttpHeader[] {
  const length = reader.arrayLength(8);
  return Array.from({ length }, () => ({ name: reader.string(), value: reader.byteArray() }));
}

function readVersion(reader: BsatnReader): HttpVersion {
  return HTTP_VERSIONS[readTag(reader, HTTP_VERSIONS.length)] ?? '1.1';
}

function readTag(reader: BsatnReader, count: number): number {
  const tag = reader.u8();
  if (tag >= count) reader.fail(`the tag ${tag} is not below ${count}`);
  return tag;
}
