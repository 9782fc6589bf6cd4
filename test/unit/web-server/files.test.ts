import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type AppFixture, openApp } from './app-fixture.ts';

const root = mkdtempSync(join(tmpdir(), 'edge-files-'));
const consoleDir = join(root, 'console');
const downloadsDir = join(root, 'downloads');
let fixture: AppFixture;

beforeAll(async () => {
  mkdirSync(join(consoleDir, 'assets'), { recursive: true });
  mkdirSync(downloadsDir);
  writeFileSync(join(root, 'secret.txt'), 'secret');
  writeFileSync(join(consoleDir, 'index.html'), '<!doctype html><title>console</title>');
  writeFileSync(join(consoleDir, '.env'), 'secret');
  writeFileSync(join(consoleDir, 'favicon.svg'), '<svg xmlns="http://www.w3.org/2000/svg"/>');
  writeFileSync(join(consoleDir, 'assets', 'main-abc123.js'), 'export {};');
  writeFileSync(join(downloadsDir, 'edge-agent-latest.tar.gz'), 'tarball');
  fixture = await openApp({ consoleDir, downloadsDir });
});
afterAll(async () => {
  await fixture.close();
  rmSync(root, { recursive: true });
});

const get = (url: string, headers: Record<string, string> = {}) => fixture.app.inject({ url, headers });

describe('the console', () => {
  it.each(['/', '/login', '/admin', '/admin/edge/devices', '/admin/edge/devices/1?tab=a', '/admin/a.b/c'])(
    'answers %s with its page, which browsers ask for anew each time',
    async (url) => {
      const reply = await get(url);
      expect(reply.statusCode).toBe(200);
      expect(reply.body).toContain('<title>console</title>');
      expect(reply.headers['cache-control']).toBe('no-cache');
      expect(reply.headers['content-type']).toContain('text/html');
      expect(reply.headers['content-security-policy']).toContain("script-src 'self'");
    },
  );

  it('lets hashed files be kept for ever, and others be asked for', async () => {
    const asset = await get('/assets/main-abc123.js');
    expect(asset.body).toBe('export {};');
    expect(asset.headers['content-type']).toContain('javascript');
    expect(asset.headers['cache-control']).toBe('public, max-age=31536000, immutable');
    const icon = await get('/favicon.svg');
    expect(icon.statusCode).toBe(200);
    expect(icon.headers['cache-control']).toBe('no-cache');
    expect((await get('/favicon.svg', { 'if-none-match': String(icon.headers.etag) })).statusCode).toBe(304);
  });

  it.each([
    '/../secret.txt',
    '/assets/../../secret.txt',
    '/assets/%2e%2e/%2e%2e/secret.txt',
    '/assets/..%2f..%2fsecret.txt',
    '/assets/..%5c..%5csecret.txt',
    '/%2e%2e/secret.txt',
    '/assets/%252e%252e/secret.txt',
    '/assets/main-abc123.js%00.txt',
    '/assets/',
    '/assets',
    '/.env',
    '//secret.txt',
    '/assets//main-abc123.js',
    '/assets/missing.js',
    '/downloads/../secret.txt',
    '/downloads/..%2fsecret.txt',
    '/downloads/%2e%2e%2fsecret.txt',
    '/downloads/..%5csecret.txt',
    '/downloads/edge-agent-latest.tar.gz%00',
    '/downloads/',
    '/downloads/missing',
  ])('gives nothing for %s', async (url) => {
    const reply = await get(url);
    expect([400, 404]).toContain(reply.statusCode);
    expect(reply.headers['content-type']).toContain('application/problem+json');
    expect(reply.headers['cache-control']).toBe('no-store');
    expect(reply.body).not.toContain('secret"');
  });

  it('says so where it is not built', async () => {
    const bare = await openApp({ consoleDir: null });
    const reply = await bare.app.inject({ url: '/admin/edge/devices' });
    expect(reply.statusCode).toBe(200);
    expect(reply.body).toContain('npm run build:console');
    expect((await bare.app.inject({ url: '/assets/x.js' })).statusCode).toBe(404);
    await bare.close();
  });
});

describe('downloads', () => {
  it('have a length and a tag', async () => {
    const reply = await get('/downloads/edge-agent-latest.tar.gz');
    expect(reply.body).toBe('tarball');
    expect(reply.headers).toMatchObject({ 'content-length': '7', etag: expect.any(String) });
    expect(reply.headers['content-type']).toContain('gzip');
    const head = await fixture.app.inject({ method: 'HEAD', url: '/downloads/edge-agent-latest.tar.gz' });
    expect([head.statusCode, head.headers['content-length'], head.body]).toEqual([200, '7', '']);
  });
});

describe('what needs no account', () => {
  it('is the health of the process and of its database', async () => {
    expect((await get('/healthz')).json()).toEqual({ status: 'ok', version: '0.0.0-test' });
    expect((await get('/readyz')).json()).toEqual({ status: 'ready', version: '0.0.0-test' });
    fixture.fake.isReady = false;
    const reply = await get('/readyz');
    expect([reply.statusCode, reply.json().code]).toEqual([503, 'service.unavailable']);
    expect((await get('/healthz')).statusCode).toBe(200);
    fixture.fake.isReady = true;
  });

  it('is the root certificate, the revocation list and the installer', async () => {
    expect((await get('/ca.pem')).body).toBe('ROOT PEM\n');
    expect((await get('/crl.pem')).body).toBe('CRL PEM\n');
    const script = await get('/install_edge_agent.sh');
    expect(script.headers['content-type']).toContain('text/x-shellscript');
    expect(script.body).toContain('# https://edge.example:8443');
    expect(script.body).toContain('ROOT PEM');
  });
});
