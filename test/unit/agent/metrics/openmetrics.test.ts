/** Pages of exporters, good and bad, and the records that they become. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { exposedRecords } from '../../../../agent/metrics/exposed-records.ts';
import { matchesGlob, metricTypeOf } from '../../../../agent/metrics/names.ts';
import { MAX_SAMPLES, parseExposition, parseSample } from '../../../../agent/metrics/openmetrics.ts';

const timestamp = new Date(0);
const records = (text: string, options: Partial<Parameters<typeof exposedRecords>[1]> = {}) =>
  exposedRecords(parseExposition(text), { timestamp, ...options });
const rows = (text: string, options = {}) =>
  records(text, options).candidates.map(({ name, labels, value }) => [name, labels, value]);

/** From prometheus.io/docs/instrumenting/exposition_formats, whole. */
const PROMETHEUS_EXAMPLE = `# HELP http_requests_total The total number of HTTP requests.
# TYPE http_requests_total counter
http_requests_total{method="post",code="200"} 1027 1395066363000
http_requests_total{method="post",code="400"}    3 1395066363000

# Escaping in label values:
msdos_file_access_time_seconds{path="C:\\\\DIR\\\\FILE.TXT",error="Cannot find file:\\n\\"FILE.TXT\\""} 1.458255915e9

# Minimalistic line:
metric_without_timestamp_and_labels 12.47

# A weird metric from before the epoch:
something_weird{problem="division by zero"} +Inf -3982045

# A histogram, which has a pretty complex representation in the text format:
# HELP http_request_duration_seconds A histogram of the request duration.
# TYPE http_request_duration_seconds histogram
http_request_duration_seconds_bucket{le="0.05"} 24054
http_request_duration_seconds_bucket{le="0.1"} 33444
http_request_duration_seconds_bucket{le="+Inf"} 144320
http_request_duration_seconds_sum 53423
http_request_duration_seconds_count 144320

# Finally a summary, which has a complex representation, too:
# HELP rpc_duration_seconds A summary of the RPC duration in seconds.
# TYPE rpc_duration_seconds summary
rpc_duration_seconds{quantile="0.01"} 3102
rpc_duration_seconds{quantile="0.99"} 76656
rpc_duration_seconds_sum 1.7560473e+07
rpc_duration_seconds_count 2693
`;

describe('a page in the Prometheus format', () => {
  it('becomes one record for each family and set of labels', () => {
    expect(rows(PROMETHEUS_EXAMPLE)).toEqual([
      ['http_requests', { method: 'post', code: '200' }, { total: 1027 }],
      ['http_requests', { method: 'post', code: '400' }, { total: 3 }],
      [
        'msdos_file_access_time_seconds',
        { path: 'C:\\DIR\\FILE.TXT', error: 'Cannot find file:\n"FILE.TXT"' },
        { value: 1458255915 },
      ],
      ['metric_without_timestamp_and_labels', {}, { value: 12.47 }],
      [
        'http_request_duration_seconds',
        {},
        { 'le_0.05': 24054, 'le_0.1': 33444, sum: 53423, count: 144320, mean: 53423 / 144320 },
      ],
      [
        'rpc_duration_seconds',
        {},
        { 'q_0.01': 3102, 'q_0.99': 76656, sum: 17560473, count: 2693, mean: 17560473 / 2693 },
      ],
    ]);
  });

  it('counts what is not finite', () => {
    expect(records(PROMETHEUS_EXAMPLE).refused).toEqual({ not_finite: 1 });
    expect(records('a NaN\nb -Inf\nc 1\n').refused).toEqual({ not_finite: 2 });
  });

  it('can be filtered by name and given labels', () => {
    const text = '# TYPE a_x gauge\na_x 1\na_y 2\nb 3\n';
    const options = { include: ['a_*'], exclude: ['*_y'], labels: { page: 'one' } };
    expect(rows(text, options)).toEqual([['a_x', { page: 'one' }, { value: 1 }]]);
  });

  it('can be filtered by the names of samples as the exporter writes them', () => {
    const kept = rows(PROMETHEUS_EXAMPLE, {
      include: ['http_*_total', 'rpc_*', '*_bucket'],
      exclude: ['*_sum'],
    });
    expect(kept.map(([name, , value]) => [name, Object.keys(value ?? {})])).toEqual([
      ['http_requests', ['total']],
      ['http_requests', ['total']],
      ['http_request_duration_seconds', ['le_0.05', 'le_0.1']],
      ['rpc_duration_seconds', ['q_0.01', 'q_0.99', 'count']],
    ]);
  });

  it('leaves out buckets that a record has no room for, but not their sum', () => {
    const buckets = Array.from({ length: 70 }, (_, at) => `h_bucket{le="${at}"} ${at}`).join('\n');
    expect(rows(`# TYPE h histogram\n${buckets}\nh_sum 10\nh_count 5\n`)).toEqual([
      ['h', {}, { sum: 10, count: 5, mean: 2 }],
    ]);
  });
});

describe('a page in OpenMetrics', () => {
  it('has units, exemplars and an end; constants are left out', () => {
    const text = `# TYPE acme_http_router_request counter
# UNIT acme_http_router_request requests
acme_http_router_request_total{path="/api/v1",method="GET"} 807283.0 # {trace_id="x"} 0.67 1.5
acme_http_router_request_created{path="/api/v1",method="GET"} 1605281325.0
# TYPE build info
build_info{version="8.2.7"} 1
# TYPE fan stateset
fan{fan="on"} 1
# EOF
ignored 1
`;
    expect(parseExposition(text).families.get('acme_http_router_request')).toEqual({
      type: 'counter',
      unit: 'requests',
    });
    expect(rows(text)).toEqual([
      ['acme_http_router_request', { path: '/api/v1', method: 'GET' }, { total: 807283 }],
      ['fan', { fan: 'on' }, { value: 1 }],
    ]);
  });
});

describe('a sample', () => {
  it.each([
    'no_value',
    'a-1',
    'a+Inf',
    'bad-name 1',
    '1a 1',
    '{a="1"} 1',
    'a{b} 1',
    'a{b=1} 1',
    'a{b="1} 1',
    'a{b="1"',
    'a{b="1" c="2"} 1',
    'a{="1"} 1',
    'a x',
    'a 0x1p-2',
    'a 1 x',
    'a 1 1 1',
    'a 1 # ok\u0000'.replace(' # ok', ' z'),
  ])('is refused: %s', (line) => {
    expect(parseSample(line)).toBeNull();
  });

  it.each([
    ['a 1', 1],
    ['a\t1', 1],
    ['  a{} 1', 1],
    ['a{b="1",} 1', 1],
    ['a { b = "1" } 1e3 123', 1000],
    ['a{b="}"} .5', 0.5],
    ['a:b:c 1', 1],
  ])('is read: %s', (line, value) => {
    expect(parseSample(line)?.value).toBe(value);
  });

  it('costs only itself when it is bad', () => {
    const { samples, refused } = parseExposition('good 1\nbad{ 1\r\n\r\nalso_good 2\r\n');
    expect(samples.map(({ name }) => name)).toEqual(['good', 'also_good']);
    expect(refused).toEqual({ malformed: 1 });
  });
});

describe('the parser', () => {
  it('is bounded in samples', () => {
    const { samples, refused } = parseExposition('a 1\n'.repeat(MAX_SAMPLES + 5));
    expect([samples.length, refused]).toEqual([MAX_SAMPLES, { too_large: 5 }]);
  });

  it('never throws', () => {
    const pieces = fc.constantFrom(
      'a',
      '{',
      '}',
      '"',
      '\\',
      '=',
      ',',
      ' ',
      '1',
      '\n',
      '# TYPE a histogram\n',
      '_bucket',
      'le',
      '# ',
      'NaN',
      '_sum 1\n',
    );
    const texts = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.array(pieces, { maxLength: 60 }).map((all) => all.join('')),
    );
    fc.assert(
      fc.property(texts, (text) => {
        for (const { value } of records(text).candidates) {
          for (const field of Object.values(value)) expect(Number.isFinite(field)).toBe(true);
        }
      }),
      { numRuns: 1000 },
    );
  });

  it.each([
    ['a quote without end', `a{b="${'x'.repeat(2_000_000)}`],
    ['backslashes', `a{b="${'\\'.repeat(60_000)}\n`.repeat(30)],
    ['blanks', `a${' '.repeat(60_000)}\n`.repeat(30)],
    ['braces', 'a{'.repeat(1_000_000)],
    ['digits', `a ${'1'.repeat(60_000)}\n`.repeat(30)],
    ['comments', `# TYPE ${'a '.repeat(30_000)}\n`.repeat(30)],
  ])('takes time in step with the text: 2 MB of %s', (_what, text) => {
    const startedAtMs = performance.now();
    parseExposition(text);
    // Linear code takes some 20 ms here; quadratic code would take minutes.
    expect(performance.now() - startedAtMs).toBeLessThan(2000);
  });
});

describe('names', () => {
  it.each([
    ['HTTP:Requests', 'http_requests'],
    ['api.v1-x', 'api.v1-x'],
    ['température', 'temp_rature'],
    ['_hidden', null],
    ['9lives', null],
    ['', null],
    ['x'.repeat(51), null],
  ])('%s becomes %s', (name, expected) => {
    expect(metricTypeOf(name)).toBe(expected);
  });

  it('match globs in the time of name × pattern', () => {
    expect(matchesGlob('go_*', 'go_goroutines')).toBe(true);
    expect(matchesGlob('*_total', 'a_total_x_total')).toBe(true);
    expect(matchesGlob('a*b*c', 'aXbYd')).toBe(false);
    expect(matchesGlob('*', '')).toBe(true);
    expect(matchesGlob('', 'a')).toBe(false);
    const startedAtMs = performance.now();
    expect(matchesGlob('*a'.repeat(50), `${'a'.repeat(200)}b`)).toBe(false);
    expect(performance.now() - startedAtMs).toBeLessThan(100);
  });
});
