/** The broker as a process of its own, for bars and benches: `node broker-process.ts FILE.json`. */
import { readFileSync } from 'node:fs';
import { startBroker } from '#broker';
import { openAuthority } from '#certs';
import { consoleLog, runProcess } from './process-report.ts';

export interface BrokerProcessConfig {
  readonly authorityDir: string;
  readonly port: number;
}

await runProcess(async () => {
  const config = JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8')) as BrokerProcessConfig;
  const authority = await openAuthority({ dir: config.authorityDir });
  return startBroker({
    host: '127.0.0.1',
    port: config.port,
    tls: await authority.serverCertificate({ name: 'broker', hosts: ['localhost', '127.0.0.1'] }),
    trustPem: authority.trustPem,
    log: consoleLog,
  });
});
