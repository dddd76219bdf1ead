#!/usr/bin/env node
/**
 * Fails when a file imports against the layers of `layers.mjs`, when a pure folder reaches for the outside world, or
 * when a package imports itself by name or another package by path.
 */
import { readFileSync, readdirSync, statSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { packages, pure } from './layers.mjs';

const root = resolve(process.argv[2] ?? join(dirname(fileURLToPath(import.meta.url)), '..'));
const IMPORT =
  /(?:^|[\n;])\s*(import|export)\s+(type\s+)?(?:[^'";]*?\sfrom\s+)?['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]\s*\)/g;
const problems = [];

function* sourceFiles(folder) {
  let entries;
  try {
    entries = readdirSync(folder);
  } catch {
    return;
  }
  for (const name of entries) {
    if (name === 'node_modules' || name === 'dist') continue;
    const path = join(folder, name);
    if (statSync(path).isDirectory()) yield* sourceFiles(path);
    else if (/\.(ts|tsx|mts|mjs|js)$/.test(name) && !name.endsWith('.d.ts')) yield path;
  }
}

/** Blanks out comments and keeps the line structure, so that prose is never taken for code. */
function withoutComments(text) {
  return text.replace(
    /\/\*[\s\S]*?\*\/|(^|[^:'"`\\])\/\/[^\n]*/g,
    (match, before) => (before ?? '') + match.slice((before ?? '').length).replace(/[^\n]/g, ' '),
  );
}

const isTest = (path) => /\.(test|test-d|bench)\.[cm]?[jt]sx?$/.test(path) || /\/(test|fixtures)\//.test(path);
const within = (specifier, allowed) => allowed.some((name) => specifier === name || specifier.startsWith(`${name}/`));

for (const [name, rule] of Object.entries(packages)) {
  const folder = join(root, rule.folder);
  for (const file of sourceFiles(folder)) {
    const shown = relative(root, file);
    const test = isTest(file);
    const text = withoutComments(readFileSync(file, 'utf8'));
    for (const match of text.matchAll(IMPORT)) {
      const specifier = match[3] ?? match[4];
      const typeOnly = match[2] !== undefined;
      if (specifier.startsWith('.')) {
        const target = resolve(dirname(file), specifier);
        if (relative(folder, target).startsWith('..') && !test) {
          problems.push(`${shown}: '${specifier}' leaves the package; import other packages by name`);
        }
        continue;
      }
      if (specifier.startsWith('node:') || specifier.startsWith('spacetime:')) continue;
      if (within(specifier, [name])) {
        if (!test) problems.push(`${shown}: '${specifier}' is this package itself; import the file`);
        continue;
      }
      if (test) continue;
      if (within(specifier, rule.imports)) continue;
      if (shown.includes('/testing/') && within(specifier, rule.testing ?? [])) continue;
      if (typeOnly && within(specifier, rule.typesOnly ?? [])) continue;
      problems.push(`${shown}: ${name} may not import '${specifier}' (allowed: ${rule.imports.join(', ')})`);
    }
  }
}

for (const folder of pure.folders) {
  for (const file of sourceFiles(join(root, folder))) {
    const shown = relative(root, file);
    if (isTest(file) || shown.includes('/testing/') || pure.shell.includes(shown)) continue;
    const text = withoutComments(readFileSync(file, 'utf8'));
    if (/['"]node:/.test(text))
      problems.push(`${shown}: pure code may not import Node's modules; take a port as an argument`);
    for (const name of pure.forbiddenGlobals) {
      const pattern = new RegExp(
        `(?<![\\w.$])${name.replace(/[.()]/g, '\\$&').replace(' ', '\\s+')}${/[\w]$/.test(name) ? '\\b' : ''}`,
      );
      const hit = pattern.exec(text);
      if (hit) {
        const line = text.slice(0, hit.index).split('\n').length;
        problems.push(`${shown}:${line}: pure code may not use ${name}; take it as an argument`);
      }
    }
  }
}

if (problems.length > 0) {
  process.stderr.write(`${problems.join('\n')}\n${problems.length} violation(s) of the layers in scripts/layers.mjs\n`);
  process.exit(1);
}
process.stdout.write('layers: ok\n');
