/** Store of log lines as they are read. */
import type { LogLevel } from '#contract';
import type { DeviceScope } from './devices.ts';

/** Of one organisation. */
export interface LogQuery {
  /** Null = every device of the organisation. */
  readonly deviceIds: readonly string[] | null;
  readonly levels: readonly LogLevel[] | null;
  readonly service: string | null;
  /** As the API's `q`: words, "phrases", prefix*, -without. */
  readonly text: string | null;
  readonly from: Date | null;
  readonly to: Date | null;
}
/** A place in the log: time, then id. */
export interface LogPlace {
  readonly atMicros: bigint;
  readonly id: bigint;
}
export interface LogLine {
  readonly place: LogPlace;
  readonly deviceId: string;
  readonly deviceName: string;
  readonly at: Date;
  readonly receivedAt: Date;
  readonly level: LogLevel;
  readonly service: string;
  readonly message: string;
  readonly metadata: Readonly<Record<string, unknown>> | null;
}

export interface LogSearch {
  /** Newest first. */
  readonly lines: readonly LogLine[];
  /** Where the time for a page was over before it was full: go on from here. Null = full, or nothing is left. */
  readonly reached: LogPlace | null;
}

export interface LogStore {
  /**
   * `older`: lines before `place` (null = from the newest). `newer`: lines after it, the nearest first in time. Looks
   * window by window from `place` outwards, so that a frequent word is found at once and a rare one by its index; after
   * about 350 ms it gives what it has and says how far it looked. @throws StoreError 'invalid' with field `q` for text
   * without any word; 'unavailable' where not even the narrowest window can be read in time.
   */
  search(
    orgId: string,
    query: LogQuery,
    direction: 'older' | 'newer',
    place: LogPlace | null,
    limit: number,
  ): Promise<LogSearch>;
  services(orgId: string, deviceId: string, since: Date): Promise<readonly string[]>;
  /** Lines of level error and critical. */
  countErrors(scope: Exclude<DeviceScope, string>, since: Date): Promise<number>;
}
