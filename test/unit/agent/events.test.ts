/** When the agent has something to report about itself, and its telemetry file. */
import { describe, expect, it } from 'vitest';
import { decodeValue, EventRecord, LogRecord } from '#contract';
import {
  DROP_REPORT_EVERY_MS,
  dropNews,
  EVENT_KINDS,
  eventRecord,
  jumpNews,
  restartNews,
} from '../../../agent/events.ts';
import { makeLine } from '../../../agent/fleet/simulated-logs.ts';
import { parseTelemetryConfig } from '../../../agent/telemetry-config.ts';
import { seededRandom } from '../../support/seeded-random.ts';

const at = (wallMs: number, monoMs: number) => ({ wallMs, monoMs, osBoot: 'b' });

describe('jumpNews', () => {
  it('reports a step of two minutes and more, forward and back', () => {
    expect(jumpNews(at(0, 0), at(30_000, 30_000))).toBeNull();
    expect(jumpNews(at(0, 0), at(149_000, 30_000))).toBeNull();
    expect(jumpNews(at(0, 0), at(150_000, 30_000))).toMatchObject({ metadata: { seconds: 120 } });
    expect(jumpNews(at(0, 0), at(-570_000, 30_000))?.message).toContain('back by 600 s');
  });
});

describe('restartNews', () => {
  it('takes the first look as it is and reports each rise after', () => {
    const look = (restarts: number) => [
      { name: 'vllm', kind: 'docker', status: 'running' as const, restarts },
    ];
    const first = restartNews(new Map(), look(3));
    expect(first.news).toEqual([]);
    expect(restartNews(first.restarts, look(3)).news).toEqual([]);
    const third = restartNews(first.restarts, look(5));
    expect(third.news).toMatchObject([
      { kind: 'service.restarted', metadata: { service: 'vllm', restarts: 5, more: 2 } },
    ]);
    expect(restartNews(third.restarts, look(0)).news).toEqual([]);
  });
});

describe('dropNews', () => {
  const dropped = (logs: number) => ({ events: 0, logs, metrics: 0 });

  it('reports a loss at once, and further ones after ten minutes, none forgotten', () => {
    const none = { dropped: dropped(0), atMs: Number.NEGATIVE_INFINITY };
    const first = dropNews(none, dropped(5), 1000);
    expect(first.news).toMatchObject({ metadata: { logs: 5, metrics: 0 } });
    const second = dropNews(first.report, dropped(9), 2000);
    expect(second).toEqual({ report: first.report, news: null });
    expect(dropNews(second.report, dropped(9), 1000 + DROP_REPORT_EVERY_MS).news?.metadata).toMatchObject({
      logs: 4,
    });
  });
});

it('makes records that the contract takes', () => {
  for (const kind of EVENT_KINDS) {
    const record = eventRecord({ kind, level: 'info', message: 'x'.repeat(5000) }, new Date(0));
    expect(decodeValue(EventRecord, record).ok).toBe(true);
  }
  const random = seededRandom(1);
  const lines = Array.from({ length: 300 }, () => makeLine(new Date(0), random));
  for (const line of lines) expect(decodeValue(LogRecord, line).ok).toBe(true);
  expect(new Set(lines.map(({ log_level }) => log_level)).size).toBeGreaterThanOrEqual(4);
  expect(new Set(lines.map(({ service_name }) => service_name)).size).toBe(4);
});

describe('parseTelemetryConfig', () => {
  it('takes a file with either part', () => {
    expect(parseTelemetryConfig('{}')).toEqual({ metrics: {}, logs: {} });
    expect(parseTelemetryConfig('{"logs": {"journald": false}}').logs).toEqual({ journald: false });
  });

  it.each([
    ['text', 'x', /no JSON/],
    ['a list', '[]', /must be an object/],
    ['a part that is not known', '{"log": {}}', /^log: no such part/],
    ['a wrong field of metrics', '{"metrics": {"max_series": 0}}', /metrics\.max_series/],
    ['a wrong field of logs', '{"logs": {"files": [{}]}}', /logs\.files\.0/],
    [
      'a pattern that does not compile',
      '{"logs": {"journald": {"multiline": {"start": "("}}}}',
      /multiline\.start/,
    ],
  ])('refuses %s and names the field', (_name, text, message) => {
    expect(() => parseTelemetryConfig(text)).toThrow(message);
  });
});
