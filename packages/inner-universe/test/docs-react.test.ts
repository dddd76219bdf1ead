import { expect, test } from 'vitest';
import { readPage, runProgram } from './page-program.ts';

test('the code of the page on React runs as it stands, as one program', async () => {
  const { files, named, blocks } = await readPage('react.md');
  expect([...files.keys()].sort()).toEqual(['app.tsx', 'browser.ts']);
  expect(named).toBe(blocks);
  const program = new Map([...files, ['app.tsx', `import './browser.ts';\n${files.get('app.tsx')}`]]);
  const { stdout, stderr } = await runProgram(program, 'app.tsx');
  expect(stdout + stderr).toBe(
    '<p>opening</p><p>Loading</p><button>Say hello</button><p>0<!-- --> adults; </p>\n<title></title>\n',
  );
}, 100_000);
