import { describe, expect, it } from 'vitest';
import { addressOf } from '../../../web/client/data/api.ts';
import { readProblem } from '../../../web/client/data/api-error.ts';
import {
  deviceTabOf,
  deviceTabPath,
  locate,
  pageKey,
  returnPath,
} from '../../../web/client/state/addresses.ts';
import { ariaSort, nextSort, readView, writeView } from '../../../web/client/state/device-filters.ts';

describe('locate', () => {
  it.each([
    ['/', 'devices', {}],
    ['/admin/edge/devices', 'devices', {}],
    ['/admin/edge/devices/', 'devices', {}],
    ['/admin/edge/devices/0f6e', 'device', { device_id: '0f6e' }],
    ['/admin/edge/devices/0f6e/logs', 'device', { device_id: '0f6e', tab: 'logs' }],
    ['/admin/edge', 'dashboard', {}],
    ['/admin/edge/dead-letters', 'dead-letters', {}],
    ['/admin/organizations/17', 'organization', { organization_id: '17' }],
    ['/login', 'login', {}],
    ['/admin/edge/devices/0f6e/shell', 'not-found', {}],
  ])('finds %s', (path, page, params) => {
    expect(locate(path, '')).toMatchObject({ page, params });
  });
});

describe('the tabs of a device', () => {
  it('have addresses of their own, and one page element', () => {
    const [overview, metrics] = [
      locate('/admin/edge/devices/0f6e', ''),
      locate(deviceTabPath('0f6e', 'metrics'), ''),
    ];
    expect([deviceTabOf(overview), deviceTabOf(metrics)]).toEqual(['overview', 'metrics']);
    expect(pageKey(overview)).toBe(pageKey(metrics));
    expect(pageKey(overview)).not.toBe(pageKey(locate('/admin/edge/devices/0f6f', '')));
    expect(pageKey(locate('/nowhere', ''))).not.toBe(pageKey(locate('/elsewhere', '')));
  });
});

describe('returnPath', () => {
  it.each([
    ['/admin/audit?x=1', '/admin/audit?x=1'],
    ['//evil.example', '/admin/edge/devices'],
    ['/\\evil.example', '/admin/edge/devices'],
    ['https://evil.example', '/admin/edge/devices'],
    ['javascript:alert(1)', '/admin/edge/devices'],
    ['/login?next=/login', '/admin/edge/devices'],
  ])('turns %s into %s', (next, path) => {
    expect(returnPath(new URLSearchParams({ next }))).toBe(path);
  });
});

describe('the view of the device list', () => {
  it('comes back from its address as it was', () => {
    const group = '00000008-0000-4000-8000-000000000001';
    const view = { status: 'offline', type: 'gateway', group, search: 'a & b', sort: '-last_seen' } as const;
    expect(readView(new URLSearchParams(writeView(view)))).toEqual(view);
  });

  it('leaves out what is not valid, and has no query at its default', () => {
    const view = readView(new URLSearchParams('status=asleep&sort=colour&group=floor'));
    expect(view).toEqual({
      status: undefined,
      type: undefined,
      group: undefined,
      search: '',
      sort: 'device_name',
    });
    expect(writeView(view)).toBe('');
  });

  it('turns the order round at the second click; times begin with the newest', () => {
    expect([
      nextSort('device_name', 'device_name'),
      nextSort('device_name', 'last_seen'),
      nextSort('-last_seen', 'last_seen'),
    ]).toEqual(['-device_name', '-last_seen', 'last_seen']);
    expect([
      ariaSort('status', 'status'),
      ariaSort('-status', 'status'),
      ariaSort('status', 'last_seen'),
    ]).toEqual(['ascending', 'descending', 'none']);
  });
});

describe('addressOf', () => {
  it('fills and escapes, and leaves empty fields out', () => {
    expect(
      addressOf('/a/:device_id/b', {
        params: { device_id: 'x/../y' },
        query: { page: 2, search: 'ä', org_id: undefined },
      }),
    ).toBe('/a/x%2F..%2Fy/b?page=2&search=%C3%A4');
  });

  it('refuses to call a route without its parameter', () => {
    expect(() => addressOf('/a/:device_id', {})).toThrow(RangeError);
  });
});

describe('readProblem', () => {
  it('keeps code, sentence, fields and request id', () => {
    const error = readProblem(
      400,
      {
        title: 'A field is not valid',
        code: 'request.invalid',
        instance: 'req-1',
        errors: [{ path: '/body/device_name', message: 'too long' }],
      },
      null,
    );
    expect(error).toMatchObject({
      code: 'request.invalid',
      message: 'A field is not valid',
      requestId: 'req-1',
      fields: [{ path: 'device_name', message: 'too long' }],
    });
  });

  it.each([[undefined], ['<html>Bad gateway</html>'], [[]], [{ errors: 'many' }]])(
    'makes an error of %j too',
    (body) => {
      expect(readProblem(502, body, '7')).toMatchObject({
        code: 'http.502',
        status: 502,
        isUnreachable: true,
        retryAfterSeconds: 7,
        fields: [],
      });
    },
  );
});
