/** Bounds of the log shipper, each with its reason. */
import { MAX_LOG_MESSAGE } from '#contract';

/** Bytes of one line that are kept while reading: room for a JSON line whose message alone fills a record. */
export const MAX_LINE_BYTES = 4 * MAX_LOG_MESSAGE;
/** Bytes of one journal entry as JSON: a byte of MESSAGE may take four characters there. */
export const MAX_ENTRY_BYTES = 256 * 1024;
/** Read from a file or a program at a time. */
export const CHUNK_BYTES = 64 * 1024;

/** A joined record: a deep Java trace has some 300 lines. */
export const MAX_JOINED_LINES = 500;
export const MAX_JOINED_BYTES = MAX_LOG_MESSAGE;
/** A record is closed this long after its first line … */
export const JOIN_MS = 1000;
/** … or when nothing was added for this long; traces are written at once. */
export const JOIN_IDLE_MS = 300;
/** Services that are joined side by side in one source; past it the oldest record is closed. */
export const MAX_JOIN_LANES = 200;

/** Records wait this long, so that a secret broken over two lines is seen whole. */
export const HOLD_MS = 300;
/** Records that went out already and are looked at again beside the next ones. */
export const CONTEXT_RECORDS = 100;
export const CONTEXT_MS = 5000;
/** Records held by one source; past it the older half goes early. */
export const MAX_HELD_RECORDS = 1000;
export const MAX_HELD_BYTES = 1024 * 1024;

/** Default of `rate`, for each source. */
export const DEFAULT_RATE = { lines_per_second: 200, burst: 2000 } as const;
/** What was written before the agent started is read this many times faster, and never suppressed. */
export const BACKLOG_FACTOR = 10;
/** One `log.suppressed` event a source in this time. */
export const SUPPRESSED_EVENT_MS = 10_000;

/** Reading pauses above the one and goes on below the other, so that it does not flutter. */
export const PAUSE_ABOVE = 0.9;
export const RESUME_BELOW = 0.7;

/** Lines that a viewer may ask for before the stream begins. */
export const TAIL_RECORDS = 500;

/** Between two looks at a file … */
export const FILE_POLL_MS = 250;
/** … and at one that did not grow for a minute. */
export const IDLE_FILE_POLL_MS = 1000;
export const IDLE_AFTER_MS = 60_000;
/** Between two looks for new files of a pattern. */
export const GLOB_EVERY_MS = 5000;
export const MAX_FILES = 200;
/** Names that one pattern may look at. */
export const MAX_GLOB_NAMES = 10_000;
/** Compared to tell a file from another in its place. */
export const HEAD_BYTES = 256;
export const TAIL_BYTES = 64;
/** Rotated files that are still read, for each path. */
export const MAX_RETIRED = 8;
/** A program may write into a rotated file until it opens the new one. */
export const RETIRED_IDLE_MS = 5000;
/** A file that is paused and rotated away keeps its space on disk no longer than this. */
export const RETIRED_HOLD_MS = 3_600_000;

/** Between two looks at the list of containers. */
export const CONTAINERS_EVERY_MS = 10_000;
export const MAX_CONTAINERS = 100;

/** A program that ended is started again after this, doubling up to the longest. */
export const PROGRAM_RESTART_MS = 1000;
export const PROGRAM_RESTART_MAX_MS = 60_000;

/** Positions are written this often at most: what a kill -9 makes the agent read again. */
export const POSITIONS_EVERY_MS = 2000;

/** Between two looks at the clock for what is due. */
export const TICK_MS = 100;
