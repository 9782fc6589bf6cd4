/** The real application over the fake control plane, called by injection: no port. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import { buildApp } from '../../../web/server/app.ts';
import { type LiveStreams, startLiveStreams } from '../../../web/server/live-events.ts';
import { CSRF, createFakeControlPlane, type FakeControlPlane, SESSION } from './fake-control-plane.ts';

export interface AppFixture {
  readonly app: FastifyInstance;
  readonly fake: FakeControlPlane;
  readonly streams: LiveStreams;
  readonly lines: { readonly fields: object; readonly message: string }[];
  /** Forgets what was recorded, signs Ada in again. */
  reset(): void;
  close(): Promise<void>;
}

export const PUBLIC_URL = 'https://edge.example:8443';
export const signedIn = { cookie: `edge_session=${SESSION}` };
export const writing = { ...signedIn, 'x-csrf-token': CSRF };

export async function openApp(
  options: { consoleDir?: string | null; downloadsDir?: string; requestsPerMinute?: number } = {},
): Promise<AppFixture> {
  const fake = createFakeControlPlane();
  const emptyDir = mkdtempSync(join(tmpdir(), 'edge-web-'));
  const lines: { fields: object; message: string }[] = [];
  const write = (fields: object, message: string) => void lines.push({ fields, message });
  const log = { debug: write, info: write, warn: write, error: write };
  const streams = startLiveStreams({ controlPlane: fake.controlPlane, log });
  const app = await buildApp({
    controlPlane: fake.controlPlane,
    consoleDir: options.consoleDir ?? null,
    downloadsDir: options.downloadsDir ?? emptyDir,
    ...(options.requestsPerMinute === undefined ? {} : { requestsPerMinute: options.requestsPerMinute }),
    installScript: ({ cloudUrl, caPem }) => `#!/bin/sh\n# ${cloudUrl}\n# ${caPem}`,
    publicUrl: PUBLIC_URL,
    asyncapi: { asyncapi: '3.0.0' },
    version: '0.0.0-test',
    log,
    streams,
    looks: new Set(),
    tls: null,
  });
  return {
    app,
    fake,
    streams,
    lines,
    reset: () => {
      fake.calls.length = 0;
      fake.failures.clear();
      fake.sessions.add(SESSION);
      lines.length = 0;
    },
    close: async () => {
      streams.stop();
      await app.close();
      rmSync(emptyDir, { recursive: true });
    },
  };
}
