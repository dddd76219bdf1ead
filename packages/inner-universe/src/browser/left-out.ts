/*
 * What a browser gets in the place of what only Node can do: files, an embedded host, sockets of its own. The `browser`
 * field of package.json puts this file where the real ones are, so that a bundle for browsers has none of Node in it.
 * Each of these says what to do instead, when it is used and not before.
 */
import { NervPersistenceError } from '../errors.ts';

function refuse(what: string, instead: string): never {
  throw new NervPersistenceError('config/invalid', `${what} needs Node, and this is a browser. ${instead}`, {
    details: { what },
  });
}

const ON_A_SERVER = 'Open a universe on a server: openUniverse({ server, token }).';
const BY_A_SERVER = 'Do it in a process of Node that is connected to the same server.';

/** @throws {NervPersistenceError} `config/invalid` */
export async function openHost(): Promise<never> {
  return refuse('An embedded universe', ON_A_SERVER);
}

/** @throws {NervPersistenceError} `config/invalid` */
export function makeStderrLogger(): never {
  return refuse('An embedded universe', ON_A_SERVER);
}

/** @throws {NervPersistenceError} `config/invalid` */
export function findModule(): never {
  return refuse('The module\u2019s bundle', ON_A_SERVER);
}

/** @throws {NervPersistenceError} `config/invalid` */
export async function deploy(): Promise<never> {
  return refuse('Deployment', BY_A_SERVER);
}

/** @throws {NervPersistenceError} `config/invalid` */
export async function readModule(): Promise<never> {
  return refuse('Reading a module', BY_A_SERVER);
}

/** @throws {NervPersistenceError} `config/invalid` */
export async function describeClientModule(): Promise<never> {
  return refuse('Describing a module', 'Describe it in Node, and give the description to makeConnectionType.');
}

/** @throws {NervPersistenceError} `config/invalid` */
export function readModuleSchema(): never {
  return refuse('Reading a module’s schema', BY_A_SERVER);
}

/** @throws {NervPersistenceError} `config/invalid` */
export async function readTextFile(path: string): Promise<never> {
  return refuse(`Reading '${path}'`, 'Give what the file holds, or a function that gives it.');
}

/** @throws {NervPersistenceError} `config/invalid` */
export async function makeNodeTransport(): Promise<never> {
  return refuse('A connection over sockets of Node', ON_A_SERVER);
}

/** @throws {NervPersistenceError} `config/invalid` */
export function openArchive(): never {
  return refuse('An archive of events', BY_A_SERVER);
}

/** @throws {NervPersistenceError} `config/invalid` */
export async function archiveEvents(): Promise<never> {
  return refuse('Archiving events', BY_A_SERVER);
}

/** @throws {NervPersistenceError} `config/invalid`, when it is made */
export class ArchiveSchedule {
  constructor() {
    refuse('Archiving events', BY_A_SERVER);
  }
}

/** @throws {NervPersistenceError} `config/invalid`, when it is made */
export class EventArchive {
  constructor() {
    refuse('An archive of events', BY_A_SERVER);
  }
}

/** @throws {NervPersistenceError} `config/invalid`, when it is made */
export class NodeArchiveFiles {
  constructor() {
    refuse('An archive in a directory', BY_A_SERVER);
  }
}

/** @throws {NervPersistenceError} `config/invalid`, when it is made */
export class FileKeyStore {
  constructor() {
    refuse('A key store in a file', 'Give a KeyStore of your own, or a MemoryKeyStore.');
  }
}

/** @throws {NervPersistenceError} `config/invalid`, when it is made */
export class FileOutbox {
  constructor() {
    refuse('An outbox in a directory', 'Give outbox: new IndexedDbOutbox().');
  }
}
