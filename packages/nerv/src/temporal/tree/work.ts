/** Counters of work done since the program began. Tests compare them before and after; nothing else reads them. */
export interface TreeWork {
  chunksHashed: number;
  bytesHashed: number;
  itemsHashed: number;
}

/** The counters of this realm. */
export const treeWork: TreeWork = { chunksHashed: 0, bytesHashed: 0, itemsHashed: 0 };
