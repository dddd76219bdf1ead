export { sha256, sha256Hex } from './digest.ts';
export { formatTreeHash, treeHash, TREE_SCHEME } from './tree-digest.ts';
export { chainHash, jcsHash, parseHash } from './version-hash.ts';
export type { ChainHashParts, HashScheme } from './version-hash.ts';
