/** What the logs of one database may take. */
export interface LogLimits {
  /** Lines kept in memory, which is what can be asked for by number and followed. Default 2,500. */
  readonly linesMax: number;
  /** … and together no longer than this, in UTF-16 code units. Default 4 Mi. */
  readonly lengthMax: number;
  /** A file is ended when it would grow beyond this, and when a day (UTC) is over. Default 8 MiB. */
  readonly fileBytesMax: number;
  /** Files kept, the one that is written included. Default 8. */
  readonly filesMax: number;
  /** A file that was last written to longer ago is deleted. Default 14 days. */
  readonly ageDaysMax: number;
  /** Bytes that may wait to be written; lines that come while more wait are counted and left out. Default 4 MiB. */
  readonly pendingBytesMax: number;
  /** Readers that follow at once. Default 64. */
  readonly followersMax: number;
}

export const DEFAULT_LOG_LIMITS: LogLimits = {
  linesMax: 2_500,
  lengthMax: 4 * 1024 * 1024,
  fileBytesMax: 8 * 1024 * 1024,
  filesMax: 8,
  ageDaysMax: 14,
  pendingBytesMax: 4 * 1024 * 1024,
  followersMax: 64,
};
