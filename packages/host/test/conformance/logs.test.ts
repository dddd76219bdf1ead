import { expect } from 'vitest';
import { fixture } from './forms.ts';
import { section } from './rule.ts';

section('Logs', { module: fixture('conf-calls.ts') }, (rule) => {
  rule('lines of the past come first and those to come after, in order, until the reader has enough', async (host) => {
    await host.probe('console levels');
    await host.until(() => host.logs.some((line) => line.includes('a trace')));
    const stop = new AbortController();
    const seen: string[] = [];
    const reading = (async () => {
      for await (const { message } of host.hosted.logs({ lines: 3, follow: true, signal: stop.signal })) {
        seen.push(message);
        if (message.includes('nonexistent')) stop.abort();
      }
    })();
    await host.until(() => seen.length >= 3);
    await host.http('POST', '/v1/database/test/call/no_such', {
      headers: { 'content-type': 'application/json' },
      body: '[]',
    });
    await reading;
    expect(seen.length).toBeGreaterThanOrEqual(4);
    expect(seen.at(-1)).toContain('nonexistent reducer "no_such"');
  });
  rule('a line says who wrote it: the module, with its function, or the host', async (host) => {
    await host.probe('console levels');
    const linesNow = async (): Promise<{ message: string; [key: string]: unknown }[]> => {
      const lines = [];
      for await (const line of host.hosted.logs({ lines: 2500 })) lines.push({ ...line });
      return lines;
    };
    await host.until(async () => (await linesNow()).some(({ message }) => message.includes('a warning')));
    const line = (await linesNow()).find(({ message }) => message.includes('a warning'));
    expect(line).toMatchObject({ level: 'warn', functionName: 'run' });
  });
});

section('Logs on disk', { module: fixture('conf-calls.ts'), forms: ['disk', 'thread', 'socket'] }, (rule) => {
  rule('the log outlives a restart, and says what happened before', async (host) => {
    await host.probe('console levels');
    await host.until(() => host.logs.some((line) => line.includes('a trace')));
    await host.restart();
    const messages: string[] = [];
    for await (const { message } of host.hosted.logs({ lines: 2500 })) messages.push(message);
    expect(messages.some((message) => message.includes('a warning'))).toBe(true);
  });
});
