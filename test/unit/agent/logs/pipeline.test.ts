import { describe, expect, it } from 'vitest';
import { createLogFeed, type LogSink } from '../../../../agent/logs/log-feed.ts';
import { createPipeline, type PipelineOptions, type SourceLine } from '../../../../agent/logs/pipeline.ts';
import type { ShipperEvent } from '../../../../agent/logs/surroundings.ts';
import {
  DEFAULT_TELEMETRY,
  type LogRecord,
  type TelemetrySettings,
} from '../../../../broker/contract/index.ts';
import { silentLog } from '../silent-log.ts';

interface Setup {
  readonly settings?: TelemetrySettings;
  readonly sink?: LogSink;
  readonly options?: Partial<PipelineOptions<number>>;
}

function setUp({ settings = DEFAULT_TELEMETRY, sink, options = {} }: Setup = {}) {
  let nowMs = 0;
  let position = 0;
  const stored: LogRecord[] = [];
  const events: ShipperEvent[] = [];
  const committed: number[] = [];
  const feed = createLogFeed({ settings, sink: sink ?? ((records) => void stored.push(...records)) });
  const pipeline = createPipeline<number>({
    name: 'file:/a',
    join: { kind: 'auto' },
    rate: { lines_per_second: 200, burst: 2000 },
    feed,
    commit: (each) => committed.push(each),
    around: {
      now: () => new Date(1_795_413_600_000 + nowMs),
      monotonicMs: () => nowMs,
      event: (event) => events.push(event),
      log: silentLog(),
    },
    ...options,
  });
  const line = (text: string, more: Partial<SourceLine<number>> = {}): SourceLine<number> => {
    position += 1;
    return { text, cutBytes: 0, service: 'app', lane: 'app', position, isBacklog: false, ...more };
  };
  return {
    feed,
    pipeline,
    stored,
    events,
    committed,
    line,
    push: (...texts: string[]) => pipeline.push(texts.map((text) => line(text))),
    /** Time goes on in steps of 100 ms, and whatever is due is done. */
    async pass(ms: number) {
      for (let done = 0; done < ms; done += 100) {
        nowMs += 100;
        pipeline.tick();
        await new Promise((resolve) => setImmediate(resolve));
      }
    },
    messages: () => stored.map(({ message }) => message),
  };
}

describe('a pipeline', () => {
  it('hands over a line after 300 ms, and only then counts its position', async () => {
    const { push, pass, messages, committed } = setUp();
    await push('ERROR one', 'two');
    await pass(200);
    expect([messages(), committed]).toEqual([[], []]);
    await pass(500);
    expect(messages()).toEqual(['ERROR one', 'two']);
    expect(committed).toEqual([1, 2]);
  });

  it('leaves out what is below the level, and still goes on behind it', async () => {
    const { push, pass, messages, committed, feed } = setUp();
    await push('DEBUG chatter', 'INFO news');
    await pass(1000);
    expect(messages()).toEqual(['INFO news']);
    expect(committed).toEqual([1, 2]);
    expect(feed.tail(10).map(({ log_level }) => log_level)).toEqual(['debug', 'info']);
    const loud = setUp({ options: { minLevel: 'debug' } });
    await loud.push('DEBUG chatter');
    await loud.pass(1000);
    expect(loud.messages()).toEqual(['DEBUG chatter']);
  });

  it('offers records again to a sink that refused, and loses none', async () => {
    let refusals = 2;
    const taken: string[] = [];
    const { push, pipeline, committed, pass } = setUp({
      sink: (records) => {
        refusals -= 1;
        if (refusals >= 0) throw new Error('no room');
        taken.push(...records.map(({ message }) => message));
      },
    });
    await push('one', 'two');
    await pass(1000);
    expect([taken, committed]).toEqual([[], []]);
    refusals = 0;
    await pipeline.stop();
    expect(taken).toEqual(['one', 'two']);
    expect(committed).toEqual([1, 2]);
  });

  it('suppresses what is over the rate, says how much, and spares what was written before', async () => {
    const { pipeline, pass, messages, events, committed, line, push } = setUp({
      options: { rate: { lines_per_second: 10, burst: 20 } },
    });
    await push(...Array.from({ length: 100 }, (_, index) => `line ${index}`));
    await pass(100);
    await pipeline.push([line('later')]);
    await pass(12_000);
    expect(messages().length).toBe(22);
    expect(committed.length).toBe(101);
    const said = events.reduce((sum, { metadata }) => sum + Number(metadata?.lines), 0);
    expect(said).toBe(79);
    expect(events.map(({ kind }) => kind)).toContain('log.suppressed');
    expect(pipeline.counts()).toEqual({ lines: 101, records: 22, suppressed: 79 });

    const old = setUp({ options: { rate: { lines_per_second: 10, burst: 20 } } });
    await old.pipeline.push(
      Array.from({ length: 20 }, (_, index) => old.line(`old ${index}`, { isBacklog: true })),
    );
    await old.pass(1000);
    expect(old.messages().length).toBe(20);
  });

  it('makes one bounded record of a line of 1 MiB and says what went', async () => {
    const { pipeline, line, pass, stored } = setUp();
    await pipeline.push([line('x'.repeat(65_536), { cutBytes: 1_048_576 - 65_536 })]);
    await pass(1000);
    expect(stored.map(({ message }) => message.length)).toEqual([16_384]);
    expect(stored[0]?.metadata).toEqual({ truncated_bytes: 1_048_576 - 16_384 });
  });

  it('keeps memory bounded while the sink is slow', async () => {
    let release = (): void => undefined;
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    const { pipeline, line } = setUp({
      sink: () => gate,
      options: { rate: { lines_per_second: 1e5, burst: 1e6 } },
    });
    let isDone = false;
    const pushed = pipeline
      .push(Array.from({ length: 5000 }, (_, index) => line(`line ${index}`)))
      .then(() => {
        isDone = true;
      });
    await new Promise((resolve) => setImmediate(resolve));
    expect(isDone).toBe(false);
    expect(pipeline.open()).toBeLessThan(1100);
    release();
    await pushed;
    expect(pipeline.counts().lines).toBe(5000);
  });
});

describe('what leaves the shipper', () => {
  const token = `ghp_${'a1B2c3D4e5F6g7H8i9J0'.repeat(2).slice(0, 36)}`;
  const key = [
    '-----BEGIN PRIVATE KEY-----',
    'MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg',
    'X'.repeat(48),
    '-----END PRIVATE KEY-----',
  ];

  it('holds no secret: not in the sink, not in the buffer, not for a viewer', async () => {
    const { feed, push, pass, stored } = setUp();
    const seen: LogRecord[] = [];
    feed.subscribe((record) => seen.push(record));
    await push(`token ${token}`, `DEBUG token ${token}`);
    await pass(1000);
    expect(stored.length).toBe(1);
    expect(seen.length).toBe(2);
    expect(JSON.stringify([stored, seen, feed.tail(10)])).not.toContain(token);
    await feed.offer({
      timestamp: new Date(0).toISOString(),
      log_level: 'info',
      service_name: 'a',
      message: token,
    });
    expect(JSON.stringify([stored, seen, feed.tail(10)])).not.toContain(token);
  });

  it.each([0, 100, 250, 400])('holds no secret that is broken over lines %d ms apart', async (betweenMs) => {
    const { push, pass, stored } = setUp();
    for (const line of key) {
      await push(line);
      await pass(betweenMs);
    }
    await pass(1000);
    const text = JSON.stringify(stored);
    expect(stored.length).toBe(4);
    expect(text).not.toContain('MIGHAgEAMBMGByqG');
    expect(text).not.toContain('XXXXXXXX');
  });

  it('follows new rules and refuses bad ones without a change', async () => {
    const { feed, push, pass, messages } = setUp();
    const rules = (pattern: string) => ({
      ...DEFAULT_TELEMETRY,
      redaction: { rules: [{ name: 'badge', pattern }], disabled_builtin: [] },
    });
    feed.configure(rules('BADGE-[0-9]+'));
    expect(() => feed.configure(rules('('))).toThrow();
    await push('shown by BADGE-1234');
    await pass(1000);
    expect(messages()).toEqual(['shown by [redacted:badge]']);
  });

  it('is kept for viewers up to 500 lines', async () => {
    const { feed } = setUp();
    for (let number = 0; number < 1300; number += 1) {
      await feed.offer({
        timestamp: new Date(0).toISOString(),
        log_level: 'info',
        service_name: 'a',
        message: `line ${number}`,
      });
    }
    expect(feed.tail(1000).length).toBe(500);
    expect(feed.tail(2).map(({ message }) => message)).toEqual(['line 1298', 'line 1299']);
    expect(feed.tail(0)).toEqual([]);
  });
});
