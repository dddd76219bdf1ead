/** Opens a storage, says how many records it found, and then appends for ever, saying what is durable, until killed. */
import fs from 'node:fs';
import { openDiskStorage } from '../disk/disk-storage.ts';
import { lockDirectory } from '../lock.ts';

const [directory = ''] = process.argv.slice(2);
await lockDirectory(directory, { command: 'storage child' });
const storage = await openDiskStorage({ directory, segmentBytes: 20_000, watermarkDelayMs: 5 });

let count = 0;
await storage.recover({
  snapshot: async (offset, chunks) => {
    for await (const chunk of chunks) check(chunk, Number(offset));
    count = Number(offset);
  },
  record: (offset, record) => {
    if (Number(offset) !== count) throw new Error(`record ${offset} where ${count} was due`);
    check(record, count);
    count++;
  },
});
say(`found ${count}`);

for (let turn = 0; ; turn++) {
  for (let more = turn % 7; more >= 0; more--) storage.append(makeRecord(count++));
  if (turn % 40 === 39) storage.writeSnapshot(BigInt(count), [makeRecord(count), makeRecord(count)]).catch(giveUp);
  await storage.whenDurable(BigInt(count - 1));
  say(`durable ${count}`);
}

function makeRecord(offset) {
  return new TextEncoder().encode(`record ${offset} `.repeat(1 + (offset % 60)));
}

function check(bytes, offset) {
  if (Buffer.compare(bytes, makeRecord(offset)) !== 0) throw new Error(`record ${offset} is not what was stored`);
}

/** At once: a line that is still in a buffer when the process is killed would not count. A full pipe is tried again. */
function say(line) {
  let left = Buffer.from(`${line}\n`);
  while (left.length > 0) {
    try {
      left = left.subarray(fs.writeSync(1, left));
    } catch (error) {
      if (error.code !== 'EAGAIN') throw error;
    }
  }
}

function giveUp(error) {
  throw error;
}
