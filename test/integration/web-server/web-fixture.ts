/** The web server on real sockets, plain and TLS, over a given control plane. */
import { mkdtempSync, rmSync } from 'node:fs';
import { type Agent, request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SecureContextOptions } from 'node:tls';
import { type Authority, openAuthority } from '#certs';
import type { ControlPlane } from '#control-plane';
import { startWebServer, type WebServer, type WebServerOptions } from '#web-server';

export interface WebFixture {
  readonly server: WebServer;
  readonly authority: Authority;
  readonly httpUrl: string;
  readonly httpsUrl: string;
  readonly lines: { readonly fields: object; readonly message: string }[];
  call(url: string, options?: CallOptions): Promise<Answer>;
  stop(): Promise<void>;
}

export interface CallOptions {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON. */
  readonly body?: unknown;
  /** Sent as a form, instead. */
  readonly form?: Readonly<Record<string, string>>;
  /** Of kept connections; TLS has none. */
  readonly agent?: Agent;
  readonly client?: Pick<SecureContextOptions, 'key' | 'cert'>;
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly text: string;
  json(): unknown;
}

/** An authority in a folder of its own, for servers, devices and the control plane alike. */
export async function openTestAuthority(): Promise<{ authority: Authority; remove(): void }> {
  const dir = mkdtempSync(join(tmpdir(), 'edge-web-ca-'));
  return { authority: await openAuthority({ dir }), remove: () => rmSync(dir, { recursive: true }) };
}

export async function startWeb(
  controlPlane: ControlPlane,
  authority: Authority,
  options: Partial<WebServerOptions> = {},
): Promise<WebFixture> {
  const { keyPem, chainPem } = await authority.serverCertificate({
    name: 'web',
    hosts: ['127.0.0.1', 'localhost'],
  });
  const downloadsDir = mkdtempSync(join(tmpdir(), 'edge-web-downloads-'));
  const lines: { fields: object; message: string }[] = [];
  const write = (fields: object, message: string) => void lines.push({ fields, message });
  const server = await startWebServer({
    controlPlane,
    http: { host: '127.0.0.1', port: 0 },
    https: { host: '127.0.0.1', port: 0, keyPem, chainPem, trustPem: authority.trustPem },
    consoleDir: null,
    downloadsDir,
    installScript: () => '#!/bin/sh\n',
    publicUrl: 'https://edge.example:8443',
    asyncapi: {},
    version: '0.0.0-test',
    log: { debug: write, info: write, warn: write, error: write },
    ...options,
  });
  return {
    server,
    authority,
    httpUrl: `http://127.0.0.1:${server.httpPort}`,
    httpsUrl: `https://127.0.0.1:${server.httpsPort}`,
    lines,
    call: (url, callOptions) => call(url, authority.rootPem, callOptions),
    stop: async () => {
      await server.stop();
      rmSync(downloadsDir, { recursive: true });
    },
  };
}

/** A new connection per call where no agent is given, so that no call inherits another one's TLS session. */
function call(url: string, rootPem: string, options: CallOptions = {}): Promise<Answer> {
  const { method = 'GET', headers = {}, body, form, client, agent = false } = options;
  const payload =
    form === undefined
      ? body === undefined
        ? undefined
        : JSON.stringify(body)
      : new URLSearchParams(form).toString();
  const contentType = form === undefined ? 'application/json' : 'application/x-www-form-urlencoded';
  const settings = {
    method,
    headers: { ...(payload === undefined ? {} : { 'content-type': contentType }), ...headers },
    agent: false as const,
  };
  return new Promise((resolve, reject) => {
    const request = url.startsWith('https:')
      ? httpsRequest(url, { ...settings, ca: rootPem, ...client })
      : httpRequest(url, { ...settings, agent });
    request.once('error', reject);
    request.once('response', (response) => {
      const status = response.statusCode ?? 0;
      if (response.headers['content-type']?.startsWith('text/event-stream')) {
        // Never ends by itself; that it opened is the answer.
        request.destroy();
        resolve({ status, headers: response.headers, text: '', json: () => null });
        return;
      }
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        text += chunk;
      });
      response.once('error', reject);
      response.once('end', () =>
        resolve({
          status,
          headers: response.headers,
          text,
          json: () => JSON.parse(text) as unknown,
        }),
      );
    });
    request.end(payload);
  });
}

/** Of the problem that the answer is; empty for a success. */
export function codeOf(answer: Answer): string {
  const body = answer.status >= 400 ? answer.json() : null;
  return typeof body === 'object' && body !== null && 'code' in body ? String(body.code) : '';
}

/** What the caller sees, apart from the request's own id. */
export const shownOf = (answer: Answer): unknown => {
  const body = answer.json();
  return { status: answer.status, body: typeof body === 'object' ? { ...body, instance: null } : body };
};
