/*
 * The Durable Streams reference server, kept in files:
 *
 *     durable-streams-server.ts DIRECTORY        prints its address
 */
import { DurableStreamTestServer } from '@durable-streams/server';

const [dataDir = ''] = process.argv.slice(2);
const server = new DurableStreamTestServer({ port: 0, host: '127.0.0.1', dataDir });
process.stdout.write(`${await server.start()}\n`);
