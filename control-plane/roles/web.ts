/** `--role web`: console, API, downloads and the HTTPS door of devices. Needs certs, keys and DATABASE_URL. */
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Type } from 'typebox';
import { decodeValue } from '#contract';
import { createControlPlane } from '#control-plane';
import { openDatabase } from '#db';
import { startWebServer } from '#web-server';
import { renderInstallScript } from '../../agent/install/install-script.ts';
import { openCheckpointSigner } from '../audit/checkpoint-key.ts';
import { openDeviceTokens } from '../credentials/device-token.ts';
import { readProviderOptions } from '../oidc/provider-options.ts';
import { openEncryption } from '../secrets/encryption.ts';
import type { Settings } from '../settings.ts';
import { addressesOf } from '../supervisor/addresses.ts';
import { pathsOf } from '../supervisor/paths.ts';
import { followAuthority, openOwnAuthority, ownServerCertificate } from './own-certificates.ts';
import { requireDatabaseUrl } from './required-database.ts';
import { runRole } from './run-role.ts';

export const runWeb = (root: string, settings: Settings): Promise<number> =>
  runRole('web', settings, async (log) => {
    const paths = pathsOf(settings.dataDir);
    const { publicUrl, mqttUrl, ownMqttUrl } = addressesOf(settings);
    const authority = await openOwnAuthority(settings);
    const readOwn = async () => ({
      server: await ownServerCertificate(authority, 'web', settings),
      service: await authority.serviceCertificate('web'),
    });
    let own = await readOwn();
    const { server: certificate } = own;
    const database = await openDatabase({ url: requireDatabaseUrl(settings), log });
    const encryption = await openEncryption({
      database,
      dir: pathsOf(settings.dataDir).keys,
      settings,
      log,
    });
    const controlPlane = await createControlPlane({
      database,
      authority,
      encryption,
      deviceTokens: await openDeviceTokens({ dir: paths.keys }),
      auditSigner: await openCheckpointSigner({ dir: paths.keys }),
      addresses: { publicUrl, mqttUrl, serverPin: certificate.pin },
      settings,
      identityProvider: readProviderOptions(settings, publicUrl),
      // Read anew for each connection to the broker.
      broker: {
        url: ownMqttUrl,
        get tls() {
          return own.service;
        },
        get trustPem() {
          return authority.trustPem;
        },
      },
      log,
    });
    mkdirSync(paths.downloads, { recursive: true, mode: 0o700 });
    const consoleDir = join(root, 'web/client/dist');
    const server = await startWebServer({
      controlPlane,
      http: { host: settings.httpHost, port: settings.httpPort },
      https: {
        host: settings.httpsHost,
        port: settings.httpsPort,
        keyPem: certificate.keyPem,
        chainPem: certificate.chainPem,
        trustPem: authority.trustPem,
      },
      consoleDir: existsSync(join(consoleDir, 'index.html')) ? consoleDir : null,
      downloadsDir: paths.downloads,
      installScript: renderInstallScript,
      publicUrl,
      requestRates: {
        orgPerSecond: settings.orgRequestsPerSecond,
        userPerSecond: settings.userRequestsPerSecond,
        devicePerSecond: settings.deviceRequestsPerSecond,
      },
      asyncapi: readJson(join(root, 'broker/contract/asyncapi.gen.json')),
      version: versionOf(readJson(join(root, 'package.json'))),
      log,
    });
    const watch = followAuthority({
      authority,
      current: own,
      read: readOwn,
      use: (latest) => {
        own = latest;
        server.useTls({ ...latest.server, trustPem: authority.trustPem });
      },
      log,
    });
    return {
      async stop() {
        await watch.stop();
        await server.stop();
        await controlPlane.stop();
        await encryption.stop();
        await database.close();
      },
    };
  });

const readJson = (file: string): unknown => JSON.parse(readFileSync(file, 'utf8'));

function versionOf(packageJson: unknown): string {
  const decoded = decodeValue(Type.Object({ version: Type.String() }), packageJson);
  if (!decoded.ok) throw new Error(`package.json: ${decoded.reason}`);
  return decoded.value.version;
}
