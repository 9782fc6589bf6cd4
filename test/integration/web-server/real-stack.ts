/** The real thing: database, authority, control plane and web server on real sockets. */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Authority } from '#certs';
import { type ControlPlane, type ControlPlaneOptions, createControlPlane } from '#control-plane';
import type { Database } from '#db';
import type { WebServerOptions } from '#web-server';
import { hashSecret, randomToken } from '../../../control-plane/access/secrets.ts';
import { openDeviceTokens } from '../../../control-plane/credentials/device-token.ts';
import type { SecretBox } from '../../../control-plane/secrets/secret-box.ts';
import { createTestDatabase } from '../../support/database.ts';
import { openTestEncryption } from '../../support/encryption.ts';
import { openTestAuthority, startWeb, type WebFixture } from './web-fixture.ts';

export interface RealStack {
  readonly databaseUrl: string;
  readonly database: Database;
  readonly authority: Authority;
  readonly controlPlane: ControlPlane;
  readonly web: WebFixture;
  readonly secretBox: SecretBox;
  /** A person with a session, without the cost of a password. */
  addUser(input: { email: string; isSystemAdmin?: boolean; passwordHash?: string }): Promise<string>;
  openSession(userId: string, expiresAt?: Date): Promise<OpenSession>;
  stop(): Promise<void>;
}

export interface OpenSession {
  readonly cookie: string;
  readonly csrfToken: string;
}

const ONE_HOUR_MS = 3_600_000;
/** Enough that 200 parallel requests of a bar meet the database's own queue, not the pool's timeout. */
const POOL_SIZE = 8;

/** Needs the server of test/support/database-server.ts. */
export async function startRealStack(
  more: { controlPlane?: Partial<ControlPlaneOptions>; web?: Partial<WebServerOptions> } = {},
): Promise<RealStack> {
  const { database, url: databaseUrl, drop } = await createTestDatabase({ poolSize: POOL_SIZE });
  const { authority, remove } = await openTestAuthority();
  const dir = mkdtempSync(join(tmpdir(), 'edge-web-jwt-'));
  const ignore = () => undefined;
  const log = { debug: ignore, info: ignore, warn: ignore, error: ignore };
  const encryption = await openTestEncryption(database, dir);
  const controlPlane = await createControlPlane({
    encryption,
    database,
    authority,
    deviceTokens: await openDeviceTokens({ dir }),
    addresses: {
      publicUrl: 'https://edge.example:8443',
      mqttUrl: 'mqtts://edge.example:8883',
      serverPin: 'sha256//none',
    },
    settings: { deviceMtls: 'optional', deviceCertificateDays: 60 },
    // Nothing listens there: a look at a device waits, which is all that is asked of it here.
    broker: {
      url: 'mqtts://127.0.0.1:1',
      tls: await authority.serviceCertificate('web'),
      trustPem: authority.trustPem,
    },
    log,
    ...more.controlPlane,
  });
  const web = await startWeb(controlPlane, authority, more.web);
  return {
    database,
    databaseUrl,
    authority,
    controlPlane,
    web,
    secretBox: encryption.secretBox,
    async addUser({ email, isSystemAdmin = false, passwordHash = 'cannot sign in' }) {
      const user = await database.users.create({
        email,
        name: email,
        passwordHash,
        isSystemAdmin,
        mustChangePassword: false,
      });
      return user.id;
    },
    async openSession(userId, expiresAt = new Date(Date.now() + ONE_HOUR_MS)) {
      const token = randomToken(randomBytes, 32);
      const csrfToken = randomToken(randomBytes, 32);
      await database.sessions.create({
        tokenHash: hashSecret(token),
        userId,
        csrfToken,
        createdAt: new Date(expiresAt.getTime() - ONE_HOUR_MS),
        expiresAt,
        ipAddress: null,
        userAgent: null,
      });
      return { cookie: `edge_session=${token}`, csrfToken };
    },
    async stop() {
      await web.stop();
      await controlPlane.stop();
      await drop();
      remove();
      rmSync(dir, { recursive: true });
    },
  };
}
