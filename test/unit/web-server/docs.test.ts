import { Value } from 'typebox/value';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ERRORS } from '#control-plane';
import { ACTIONS, ROUTES, type Route } from '#web-api';
import { exampleOf } from '../../../web/server/docs/example.ts';
import { escapeHtml } from '../../../web/server/docs/markup.ts';
import { buildOpenApi } from '../../../web/server/docs/openapi.ts';
import { type AppFixture, openApp } from './app-fixture.ts';

const document = buildOpenApi('1.0.0');
const operations = Object.values(document.paths).flatMap((path) => Object.values(path));
const withBody = Object.entries<Route>(ROUTES).filter(([, { body }]) => body !== undefined);

describe('the OpenAPI document', () => {
  it('has one operation for each route, with its policy', () => {
    expect(operations.map(({ operationId }) => operationId).sort()).toEqual(Object.keys(ROUTES).sort());
    for (const operation of operations) expect(ACTIONS).toContain(operation['x-action']);
  });

  it('names every parameter of a path', () => {
    for (const [path, methods] of Object.entries(document.paths)) {
      const names = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
      for (const { parameters } of Object.values(methods)) {
        expect(parameters.filter((one) => one.in === 'path').map(({ name }) => name)).toEqual(names);
      }
    }
  });

  it('refers only to what it holds, and holds plain JSON', () => {
    const text = JSON.stringify(document);
    const names = [...text.matchAll(/"#\/components\/schemas\/(\w+)"/g)].map(([, name]) => name ?? '');
    expect(new Set(names)).toEqual(new Set(Object.keys(document.components.schemas)));
    expect(names).toContain('Problem');
    expect(names).toContain('DeviceView');
    expect(text).not.toContain('"~');
  });

  it('says which proof each operation wants', () => {
    const securityOf = (id: string) => operations.find(({ operationId }) => operationId === id)?.security;
    expect(securityOf('auth.login')).toEqual([]);
    expect(securityOf('devices.list')).toEqual([{ session: [] }]);
    expect(securityOf('devices.delete')).toEqual([{ session: [], csrf: [] }]);
    expect(securityOf('device.heartbeat')).toEqual([{ deviceToken: [] }]);
    expect(securityOf('device.token')).toEqual([{ deviceCertificate: [] }]);
  });
});

describe('exampleOf', () => {
  it.each(withBody)('makes a body that %s accepts', (_name, { body }) => {
    if (body === undefined) throw new Error('the row has no body');
    const example = exampleOf(body);
    expect([...Value.Errors(body, example)]).toEqual([]);
  });
});

describe('the documentation page', () => {
  let fixture: AppFixture;
  beforeAll(async () => {
    fixture = await openApp();
  });
  afterAll(() => fixture.close());
  const get = async (url: string) => (await fixture.app.inject({ url })).body;

  it('shows every route and every error code, without script or inline style', async () => {
    const page = await get('/api/docs');
    for (const [name, { path }] of Object.entries<Route>(ROUTES)) {
      expect(page).toContain(`id="${name}"`);
      expect(page).toContain(`<code>${path}</code>`);
    }
    for (const code of Object.keys(ERRORS)) expect(page).toContain(`id="error-${code}"`);
    expect(page).toContain('edge/v1/{org}/{device}/up/heartbeat');
    expect(page).not.toMatch(/<script|<style|\sstyle=|\son\w+=|https?:\/\//);
  });

  it('has its style and the documents for programs beside it', async () => {
    expect(await get('/api/docs/style.css')).toContain('prefers-color-scheme: dark');
    expect(JSON.parse(await get('/api/docs/openapi.json')).info.version).toBe('0.0.0-test');
    expect(JSON.parse(await get('/api/docs/asyncapi.json'))).toEqual({ asyncapi: '3.0.0' });
  });
});

describe('escapeHtml', () => {
  it('leaves no character that opens markup', () =>
    expect(escapeHtml(`<a href="x" id='y'>&`)).toBe('&lt;a href=&quot;x&quot; id=&#39;y&#39;&gt;&amp;'));
});
