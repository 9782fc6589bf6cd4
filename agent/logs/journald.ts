/** Follows the journal through `journalctl`, which keeps the history while we pause. */
import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf } from '../errors.ts';
import type { JournalConfig } from './config.ts';
import type { Sources } from './file-sources.ts';
import { followProgram } from './followed-program.ts';
import type { Gate } from './gate.ts';
import { JOURNAL_FIELDS, parseJournalEntry } from './journal-entry.ts';
import { MAX_ENTRY_BYTES, PROGRAM_RESTART_MAX_MS, PROGRAM_RESTART_MS, TICK_MS } from './limits.ts';
import type { SplitLine } from './line-splitter.ts';
import { rankOf } from './log-feed.ts';
import type { Pipeline, SourceLine } from './pipeline.ts';
import type { PositionStore } from './positions.ts';
import type { SourcePhase } from './source-state.ts';
import type { Surroundings } from './surroundings.ts';
import { matchesAny } from './wildcard.ts';

/** A program that ran this long did not fail to start. */
const RAN_MS = 10_000;

export interface JournaldOptions {
  readonly config: JournalConfig;
  /** Name or path of the program. */
  readonly journalctl: string;
  readonly positions: PositionStore;
  readonly gate: Gate;
  readonly around: Surroundings;
  readonly pipeline: (name: string, commit: (cursor: string) => void) => Pipeline<string>;
}

export function startJournald(options: JournaldOptions): Sources {
  const { config, journalctl, positions, gate, around } = options;
  const { event, log, monotonicMs } = around;
  const stopping = new AbortController();
  const startedAt = around.now();
  let problem: string | null = null;
  let isRunning = false;

  const pipeline = options.pipeline('journald', (cursor) => {
    positions.now.journal_cursor = cursor;
    positions.changed();
  });
  const isWanted = (service: string, identifier: unknown): boolean => {
    const names = [service, ...(typeof identifier === 'string' ? [identifier] : [])];
    const matches = (patterns: readonly string[]) => names.some((name) => matchesAny(patterns, name));
    return (config.include === undefined || matches(config.include)) && !matches(config.exclude ?? []);
  };
  const take = async (lines: readonly SplitLine[]): Promise<void> => {
    problem = null;
    const entries: SourceLine<string>[] = [];
    for (const { bytes, cutBytes } of lines) {
      const entry = parseJournalEntry(bytes.toString('utf8'));
      if (entry === null) {
        log.debug({ bytes: bytes.length }, 'journal entry cannot be read');
        continue;
      }
      // The agent's own chatter would feed on itself; its warnings do not.
      const isOwn = entry.pid === process.pid && rankOf(entry.level ?? 'info') < rankOf('warning');
      const isLeftOut = isOwn || !isWanted(entry.service, entry.metadata.identifier);
      entries.push({
        text: isLeftOut ? '' : entry.message,
        cutBytes,
        service: entry.service,
        lane: `${entry.service}\0${entry.pid ?? ''}`,
        position: entry.cursor,
        isBacklog: entry.timestamp < startedAt,
        timestamp: entry.timestamp,
        level: entry.level ?? undefined,
        metadata: entry.metadata,
        isWhole: entry.message.includes('\n'),
      });
    }
    await pipeline.push(entries);
  };
  let isFirstRun = true;
  const beginAt = (cursor: string | undefined): string[] => {
    if (cursor !== undefined) return ['--no-tail', `--after-cursor=${cursor}`];
    // Later runs without a cursor do not skip what came since the agent started.
    return isFirstRun ? ['--lines=0'] : ['--no-tail', `--since=@${Math.floor(startedAt.getTime() / 1000)}`];
  };
  const follow = async (cursor: string | undefined): Promise<string | null> =>
    followProgram({
      file: journalctl,
      args: [
        '--follow',
        '--all',
        '--quiet',
        '--output=json',
        `--output-fields=${JOURNAL_FIELDS.join(',')}`,
        ...beginAt(cursor),
      ],
      maxLineBytes: MAX_ENTRY_BYTES,
      onLines: take,
      ready: () => gate.opened(stopping.signal),
      signal: stopping.signal,
    });

  /** Until everything that was read is committed, so that the next run does not read it again. */
  const drained = async (): Promise<void> => {
    while (pipeline.open() > 0 && !stopping.signal.aborted) {
      await sleep(TICK_MS, undefined, { signal: stopping.signal }).catch(() => undefined);
    }
  };
  const loop = (async () => {
    let waitMs = PROGRAM_RESTART_MS;
    while (!stopping.signal.aborted) {
      const cursor = positions.now.journal_cursor;
      const begunAtMs = monotonicMs();
      isRunning = true;
      try {
        problem = await follow(cursor);
      } catch (error) {
        problem = messageOf(error);
      }
      isRunning = false;
      isFirstRun = false;
      if (stopping.signal.aborted) return;
      log.warn({ reason: problem ?? 'it ended' }, 'journal is followed anew');
      if (problem !== null && cursor !== undefined && /cursor/i.test(problem)) {
        delete positions.now.journal_cursor;
        event({
          kind: 'log.lost',
          log_level: 'error',
          message: 'The journal no longer knows where the agent was; reading goes on with new entries',
          metadata: { source: 'journald' },
        });
      }
      await drained();
      await sleep(waitMs, undefined, { signal: stopping.signal }).catch(() => undefined);
      waitMs =
        monotonicMs() - begunAtMs > RAN_MS
          ? PROGRAM_RESTART_MS
          : Math.min(2 * waitMs, PROGRAM_RESTART_MAX_MS);
    }
  })();
  const phase = (): SourcePhase => {
    if (problem !== null) return 'failed';
    if (!isRunning) return 'waiting';
    return gate.isOpen ? 'reading' : 'paused';
  };
  return {
    tick: () => pipeline.tick(),
    states: () => [
      {
        name: 'journald',
        kind: 'journald',
        phase: phase(),
        ...(problem === null ? {} : { problem }),
        ...pipeline.counts(),
        lostBytes: 0,
      },
    ],
    async stop() {
      stopping.abort();
      await pipeline.stop();
      await loop;
    },
  };
}
