/** `--role web`: console, API, downloads and the HTTPS door of devices. Needs certs, keys and DATABASE_URL. */
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Type } from 'typebox';
import { decodeValue } from '#contract';
import { createControlPlane } from '#control-plane';
import { openDatabase } from '#db';
import { startWebServer } from '#web-server';
import { renderInstallScript } from '../../agent/install/install-script.ts';
import { openDeviceTokens } from '../credentials/device-token.ts';
import type { Settings } from '../settings.ts';
import { addressesOf } from '../supervisor/addresses.ts';
import { pathsOf } from '../supervisor/paths.ts';
import { openOwnAuthority, ownServerCertificate, watchCertificate } from './own-certificates.ts';
import { requireDatabaseUrl } from './required-database.ts';
import { runRole } from './run-role.ts';

export const runWeb = (root: string, settings: Settings): Promise<number> =>
  runRole('web', settings, async (log, endBecause) => {
    const paths = pathsOf(settings.dataDir);
    const { publicUrl, mqttUrl, ownMqttUrl } = addressesOf(settings);
    const authority = await openOwnAuthority(settings);
    const readCertificate = () => ownServerCertificate(authority, 'web', settings);
    const certificate = await readCertificate();
    const readServiceCertificate = () => authority.serviceCertificate('web');
    const serviceCertificate = await readServiceCertificate();
    const database = await openDatabase({ url: requireDatabaseUrl(settings), log });
    const controlPlane = await createControlPlane({
      database,
      authority,
      deviceTokens: await openDeviceTokens({ dir: paths.keys }),
      addresses: { publicUrl, mqttUrl, serverPin: certificate.pin },
      settings,
      broker: { url: ownMqttUrl, tls: serviceCertificate, trustPem: authority.trustPem },
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
      asyncapi: readJson(join(root, 'broker/contract/asyncapi.gen.json')),
      version: versionOf(readJson(join(root, 'package.json'))),
      log,
    });
    const onCertificate = {
      changed: () => endBecause('own certificate renewed'),
      failed: (error: unknown) => log.error({ err: error }, 'own certificate cannot be read'),
    };
    const watches = [
      watchCertificate(certificate, readCertificate, onCertificate),
      watchCertificate(serviceCertificate, readServiceCertificate, onCertificate),
    ];
    return {
      async stop() {
        for (const watch of watches) watch.stop();
        await server.stop();
        await controlPlane.stop();
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
