/** The control-plane service as a process of its own, for bars and benches: `node control-plane-process.ts FILE.json`. */
import { readFileSync } from 'node:fs';
import { openAuthority } from '#certs';
import { openDatabase } from '#db';
import { openDeviceTokens } from '../../control-plane/credentials/device-token.ts';
import { startControlPlaneService } from '../../control-plane/service.ts';
import { consoleLog, runProcess } from './process-report.ts';

export interface ControlPlaneProcessConfig {
  readonly databaseUrl: string;
  readonly authorityDir: string;
  readonly mqttUrl: string;
}

await runProcess(async () => {
  const config = JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8')) as ControlPlaneProcessConfig;
  const authority = await openAuthority({ dir: config.authorityDir });
  const database = await openDatabase({ url: config.databaseUrl });
  const service = await startControlPlaneService({
    database,
    authority,
    deviceTokens: await openDeviceTokens({ dir: config.authorityDir }),
    mqttUrl: config.mqttUrl,
    tls: await authority.serviceCertificate('control-plane'),
    trustPem: authority.trustPem,
    servername: 'localhost',
    log: consoleLog,
    deviceCertificateDays: 30,
  });
  return {
    async stop() {
      await service.stop();
      await database.close();
    },
  };
});
