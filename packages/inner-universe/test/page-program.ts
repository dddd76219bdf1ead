import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../..', import.meta.url));

/** The code of a page in `docs/`. */
export interface PageCode {
  /** What each file is made of: a block begins with the name of its file, later ones are added to it. */
  readonly files: ReadonlyMap<string, string>;
  /** Blocks that name their file, and blocks of code in all. */
  readonly named: number;
  readonly blocks: number;
}

/** Reads the code blocks of a page. */
export async function readPage(page: string): Promise<PageCode> {
  const text = await readFile(new URL(`../docs/${page}`, import.meta.url), 'utf8');
  const files = new Map<string, string>();
  const found = [...text.matchAll(/```tsx?\n\/\/ (\S+)\n([\s\S]*?)```/g)];
  for (const [, name = '', code = ''] of found) files.set(name, `${files.get(name) ?? ''}${code}\n`);
  return { files, named: found.length, blocks: text.match(/```ts/g)?.length ?? 0 };
}

/** Runs files as a program that a user wrote, beside the packages, and gives what it printed. */
export async function runProgram(
  files: ReadonlyMap<string, string>,
  entry: string,
): Promise<{ readonly stdout: string; readonly stderr: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'docs-'));
  try {
    await symlink(join(root, 'node_modules'), join(folder, 'node_modules'));
    await writeFile(join(folder, 'package.json'), '{ "type": "module" }');
    await writeFile(join(folder, 'tsconfig.json'), '{ "compilerOptions": { "jsx": "react-jsx" } }');
    for (const [name, code] of files) await writeFile(join(folder, name), code);
    const env = { ...process.env, NODE_OPTIONS: undefined, NO_COLOR: '1' };
    const args = ['--conditions', 'source', '--import', 'tsx', entry];
    return await new Promise((resolve) => {
      execFile(process.execPath, args, { cwd: folder, env, timeout: 90_000 }, (_error, stdout, stderr) =>
        resolve({ stdout, stderr }),
      );
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Runs a page whose blocks are all of one file, as one program that says at its end that it is done. */
export async function runPage(page: string): Promise<PageCode & { readonly stdout: string; readonly stderr: string }> {
  const code = await readPage(page);
  const name = page.replace(/md$/, 'ts');
  const program = new Map([[name, `${code.files.get(name) ?? ''}console.log('done');\n`]]);
  return { ...code, ...(await runProgram(program, name)) };
}
