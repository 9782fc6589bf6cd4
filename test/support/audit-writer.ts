/**
 * Audited writes by eight clients in a process of its own, to be killed: `node audit-writer.ts FILE.json`. Makes one
 * registration token per number and prints the number once the use case has answered.
 */
import { readFileSync, writeSync } from 'node:fs';
import { openAuthority } from '#certs';
import { createControlPlane } from '#control-plane';
import { openDatabase } from '#db';
import { openDeviceTokens } from '../../control-plane/credentials/device-token.ts';
import { SILENT } from '../../db/log.ts';
import { openTestEncryption } from './encryption.ts';

export interface AuditWriterConfig {
  readonly databaseUrl: string;
  readonly dir: string;
  readonly sessionToken: string;
  readonly orgIds: readonly string[];
  readonly from: number;
  readonly to: number;
  readonly clients: number;
}

const config = JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8')) as AuditWriterConfig;
const database = await openDatabase({ url: config.databaseUrl, poolSize: config.clients });
const controlPlane = await createControlPlane({
  database,
  authority: await openAuthority({ dir: config.dir }),
  deviceTokens: await openDeviceTokens({ dir: config.dir }),
  addresses: { publicUrl: 'https://localhost', mqttUrl: 'mqtts://localhost', serverPin: 'sha256//' },
  settings: { deviceMtls: 'optional', deviceCertificateDays: 30 },
  encryption: await openTestEncryption(database, config.dir),
  log: SILENT,
});
const person = await controlPlane.access.authenticate(config.sessionToken, {
  ipAddress: '192.0.2.1',
  userAgent: 'audit-writer',
  requestId: `from-${config.from}`,
});

let next = config.from;
async function client(): Promise<void> {
  while (next < config.to) {
    const number = next;
    next += 1;
    const orgId = config.orgIds[number % config.orgIds.length] ?? '';
    await controlPlane.enrollment.createToken(person, { organization_id: orgId, name: `write-${number}` });
    // Synchronous: whatever was answered is known, however the process ends.
    writeSync(1, `${number}\n`);
  }
}
await Promise.all(Array.from({ length: config.clients }, client));
await controlPlane.stop();
await database.close();
