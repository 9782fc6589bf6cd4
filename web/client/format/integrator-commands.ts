/** Ready-to-copy commands and file names for a fresh integrator certificate. Pure. */
import type { CreateIntegratorReply } from '#web-api';

export interface IntegratorFile {
  readonly name: string;
  readonly label: string;
  readonly type: string;
  /** Text, or base64 where `isBase64`. */
  readonly content: string;
  readonly isBase64: boolean;
}

/** The files that the reply carries; key and bundle only where the platform made the key. */
export function integratorFiles(reply: CreateIntegratorReply): IntegratorFile[] {
  const pem = (name: string, label: string, content: string): IntegratorFile => ({
    name,
    label,
    type: 'application/x-pem-file',
    content,
    isBase64: false,
  });
  return [
    pem(`${reply.name}.crt`, 'Certificate', reply.certificate_chain),
    ...(reply.private_key === undefined ? [] : [pem(`${reply.name}.key`, 'Private key', reply.private_key)]),
    pem('ops-center-ca.crt', 'CA certificate', reply.ca_certificate),
    ...(reply.pkcs12_base64 === undefined
      ? []
      : [
          {
            name: `${reply.name}.p12`,
            label: 'PKCS#12 bundle',
            type: 'application/x-pkcs12',
            content: reply.pkcs12_base64,
            isBase64: true,
          },
        ]),
  ];
}

/** The client id must be the certificate's CN: the broker refuses every other one. */
export function mosquittoCommand(reply: CreateIntegratorReply): string {
  const { hostname, port } = new URL(reply.mqtt_url);
  return [
    `mosquitto_sub -h ${hostname} -p ${port || '8883'}`,
    `-i ${quote(reply.client_id)}`,
    `--cafile ops-center-ca.crt --cert ${reply.name}.crt --key ${reply.name}.key`,
    `-t ${quote(reply.topic_filter)} -v`,
  ].join(' \\\n  ');
}

const quote = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;
