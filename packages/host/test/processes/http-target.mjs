// A server to send requests to while the thread of the test sleeps. Posts its port.
import { createServer } from 'node:http';
import { parentPort } from 'node:worker_threads';

const server = createServer((request, response) => {
  const chunks = [];
  request.on('data', (chunk) => chunks.push(chunk));
  request.on('end', () => {
    response.setHeader('x-target', 'yes');
    const { pathname, searchParams } = new URL(request.url, 'http://target');
    if (pathname === '/never') return;
    if (pathname === '/slow') {
      const timer = setInterval(() => response.write('.'), 10);
      response.on('close', () => clearInterval(timer));
      return;
    }
    if (pathname === '/redirect') {
      response.writeHead(302, { location: searchParams.get('to') }).end();
      return;
    }
    if (pathname === '/large') {
      response.end(Buffer.alloc(Number(searchParams.get('bytes')), 'x'));
      return;
    }
    if (pathname === '/echo') {
      response.end(Buffer.concat(chunks));
      return;
    }
    response.statusCode = pathname === '/404' ? 404 : 200;
    response.end(pathname);
  });
});
server.listen(0, '127.0.0.1', () => parentPort.postMessage(server.address().port));
