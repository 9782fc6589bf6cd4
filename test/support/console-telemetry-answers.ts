/** What the console's fixture server says of telemetry: filters, cursors and versions as the contract has them. */
import type {
  DeadLetterView,
  DeviceView,
  LogView,
  MetricTypeView,
  RouteName,
  TelemetrySettingsView,
} from '#web-api';
import { lineTest } from '../../web/client/logs/log-query.ts';
import { iso } from './console-data.ts';
import * as data from './console-telemetry-data.ts';

interface Call {
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  readonly body: Readonly<Record<string, unknown>>;
}
export interface TelemetryState {
  /** Stored lines, oldest first; null = `NEWEST_LOG` generated ones. */
  logs: LogView[] | null;
  deadLetters: DeadLetterView[] | null;
  settings: TelemetrySettingsView;
  metricTypes: MetricTypeView[];
  hasMetrics: boolean;
  /** Metric types, labels and fields that the catalogue has besides. */
  attackNames: readonly string[];
  /** Pages of a log search that take their time and find nothing, before the one that does. */
  slowPages: number;
}
type Answer = { readonly status: number; readonly body?: unknown };
const ok = (body: unknown): Answer => ({ status: 200, body });
const problem = (status: number, code: string, detail: string): Answer => ({
  status,
  body: { type: 'about:blank', title: detail, detail, status, code, instance: 'req-fixture' },
});

export const telemetryState = (nowMs: number): TelemetryState => ({
  logs: null,
  deadLetters: null,
  settings: data.telemetrySettings(nowMs),
  metricTypes: data.metricTypes(nowMs),
  hasMetrics: true,
  attackNames: [],
  slowPages: 0,
});

export function telemetryAnswers(
  state: TelemetryState,
  devices: Map<string, DeviceView>,
  nowMs: number,
): Partial<Record<RouteName, (call: Call) => Answer>> {
  const deviceOf = (call: Call): DeviceView | undefined => devices.get(call.params.device_id ?? '');
  const known = (call: Call, use: (device: DeviceView) => Answer): Answer => {
    const device = deviceOf(call);
    return device === undefined ? problem(404, 'device.not_found', 'No such device') : use(device);
  };
  const chosen = (call: Call): DeviceView[] => {
    const orgId = call.query.get('org_id');
    return [...devices.values()].filter((device) => orgId === null || device.organization_id === orgId);
  };
  return {
    'metrics.catalogue': (call) =>
      known(call, () => {
        const own = state.attackNames.map((name) => ({
          metric_type: name,
          labels: { [name]: name },
          last_at: iso(nowMs),
          fields: [{ name, unit: name, kind: 'gauge' }],
        }));
        return ok({ items: [...(state.hasMetrics ? data.catalogue(nowMs) : []), ...own] });
      }),
    'metrics.device': (call) => known(call, (device) => ok(data.series(call.query, device, Date.now()))),
    'logs.device': (call) =>
      known(call, (device) => {
        if (state.slowPages > 0) return ok(slowPage(state, nowMs));
        return ok(logPage(call.query, linesOf(state, device, nowMs)));
      }),
    'logs.services': (call) => known(call, () => ok({ items: [...data.LOG_SERVICES] })),
    'dashboard.get': (call) => ok(data.dashboard(chosen(call), Date.now())),
    'dead_letters.list': (call) =>
      ok(letterPage(call.query, state.deadLetters ?? data.deadLetters(chosen(call), nowMs))),
    'telemetry.settings': () => ok(state.settings),
    'telemetry.update': (call) => updateSettings(state, call),
    'redaction.test': (call) => tryRedaction(call),
    'metric_types.list': () => ok({ items: state.metricTypes }),
    'metric_types.put': (call) => {
      const name = call.params.name ?? '';
      const base = state.metricTypes.find((type) => type.name === name) ?? data.metricTypes(nowMs)[2];
      const put = { ...base, ...call.body, name, origin: 'declared' } as MetricTypeView;
      state.metricTypes = [...state.metricTypes.filter((type) => type.name !== name), put];
      return ok(put);
    },
    'metric_types.delete': (call) => {
      state.metricTypes = state.metricTypes.filter((type) => type.name !== call.params.name);
      return { status: 204 };
    },
  };
}

function linesOf(state: TelemetryState, device: DeviceView, nowMs: number): readonly LogView[] {
  state.logs ??= Array.from({ length: data.NEWEST_LOG }, (_, index) =>
    data.logLine(index, device, nowMs - 1000, data.NEWEST_LOG - 1),
  );
  return state.logs;
}

function slowPage(state: TelemetryState, nowMs: number) {
  state.slowPages -= 1;
  const searched_until = iso(nowMs - (10 - state.slowPages) * 86_400_000);
  return { items: [], older_cursor: 'older:', newer_cursor: 'newer:', searched_until };
}

/** Cursors are `older:id`, `newer:id`, and `older:` for the newest page. */
function logPage(query: URLSearchParams, all: readonly LogView[]) {
  const test = lineTest({
    levels: (query.get('level') ?? '').split(',').filter(data.isLevel),
    service: query.get('service') ?? '',
    text: query.get('q') ?? '',
  });
  const [from, to] = [query.get('from') ?? '', query.get('to') ?? '9999'];
  const lines = all.filter((line) => test(line) && line.timestamp >= from && line.timestamp < to);
  const limit = Number(query.get('limit') ?? 100);
  const [direction, id] = (query.get('cursor') ?? '').split(':');
  let start = Math.max(0, lines.length - limit);
  let end = lines.length;
  const placeOf = (wanted: string | undefined | null) => lines.findIndex((line) => line.id === wanted);
  if (direction === 'older' && id !== '') {
    end = placeOf(id);
    start = Math.max(0, end - limit);
  } else if (direction === 'newer') {
    start = id === '' ? 0 : placeOf(id) + 1;
    end = Math.min(lines.length, start + limit);
  } else if (query.has('around')) {
    start = Math.max(0, placeOf(query.get('around')) - Math.floor(limit / 2));
    end = Math.min(lines.length, start + limit);
  } else if (query.has('at')) {
    end = lines.findLastIndex((line) => line.timestamp <= (query.get('at') ?? '')) + 1;
    start = Math.max(0, end - limit);
  }
  const items = lines.slice(start, end);
  return {
    items: items.toReversed(),
    older_cursor: items[0] === undefined ? null : `older:${items[0].id}`,
    newer_cursor: `newer:${items.at(-1)?.id ?? id ?? ''}`,
    searched_until: null,
  };
}

function letterPage(query: URLSearchParams, letters: readonly DeadLetterView[]) {
  const [deviceId, reason] = [query.get('device_id'), query.get('reason')];
  const found = letters.filter(
    (letter) =>
      (deviceId === null || letter.device_id === deviceId) &&
      (reason === null || letter.reason.includes(reason)),
  );
  const start = Number(query.get('cursor') ?? 0);
  const end = start + Number(query.get('page_size') ?? 50);
  return {
    items: found.slice(start, end),
    total: found.length,
    next_cursor: end < found.length ? String(end) : null,
  };
}

function updateSettings(state: TelemetryState, call: Call): Answer {
  if (call.body.version !== state.settings.version) {
    return problem(409, 'telemetry.conflict', 'The settings were changed meanwhile.');
  }
  state.settings = {
    ...state.settings,
    ...call.body,
    version: state.settings.version + 1,
    updated_at: iso(Date.now()),
  } as TelemetrySettingsView;
  return ok(state.settings);
}

/** By the engine of the browser, which the patterns of the tests do not tell from RE2. */
function tryRedaction(call: Call): Answer {
  const text = String(call.body.text);
  const rules = (Array.isArray(call.body.rules) ? call.body.rules : []) as {
    name: string;
    pattern: string;
  }[];
  const hits: { rule: string; start: number; end: number }[] = [];
  for (const [index, { name, pattern }] of rules.entries()) {
    let expression: RegExp;
    try {
      expression = new RegExp(pattern, 'g');
    } catch {
      return {
        status: 400,
        body: {
          status: 400,
          code: 'request.invalid',
          detail: 'A field is not valid',
          errors: [{ path: `body.rules.${index}.pattern`, message: 'is not RE2 syntax' }],
        },
      };
    }
    for (const match of text.matchAll(expression)) {
      hits.push({ rule: name, start: match.index, end: match.index + match[0].length });
    }
  }
  const stored = rules.reduce(
    (left, { name, pattern }) => left.replaceAll(new RegExp(pattern, 'g'), `[redacted:${name}]`),
    text,
  );
  return ok({ text: stored, hits, micros: 84 });
}
