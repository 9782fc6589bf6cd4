/** Answers requests for a certificate that come over MQTT. */
import type { Authority } from '#certs';
import { type CertificateIssued, decodePayload, topicFor } from '#contract';
import type { Database } from '#db';
import { AppError } from '../errors.ts';
import type { Address } from '../ingest/message.ts';
import type { Logger } from '../log.ts';
import { renewCertificate } from './renewal.ts';

export interface RenewalDesk {
  /** A payload that is no request is answered by nothing: it names no request. */
  answer(address: Address, payload: Uint8Array): Promise<void>;
  refuse(address: Address, payload: Uint8Array, error: string): void;
}

export function createRenewalDesk(deps: {
  readonly database: Database;
  readonly authority: Authority;
  readonly deviceCertificateDays: number;
  readonly publish: (topic: string, payload: string) => boolean;
  readonly log: Logger;
  readonly now: () => Date;
}): RenewalDesk {
  const reply = ({ org, device }: Address, message: CertificateIssued): void => {
    deps.publish(topicFor('certificate/issued', { org, device }), JSON.stringify(message));
  };
  return {
    async answer({ org, device }, payload) {
      const decoded = decodePayload('certificate/request', payload);
      if (!decoded.ok) {
        deps.log.debug({ org, device, reason: decoded.reason }, 'certificate request not understood');
        return;
      }
      const { request_id, csr } = decoded.value;
      try {
        const request = { org, deviceId: device, csrPem: csr, ipAddress: null };
        const { chainPem, expiresAt } = await renewCertificate(deps, request);
        const issued = { certificate_chain: chainPem, expires_at: expiresAt.toISOString() };
        reply({ org, device }, { request_id, ...issued });
      } catch (error) {
        if (!(error instanceof AppError)) deps.log.error({ err: error, org, device }, 'renewal failed');
        reply({ org, device }, { request_id, error: error instanceof AppError ? error.code : 'internal' });
      }
    },
    refuse(address, payload, error) {
      const decoded = decodePayload('certificate/request', payload);
      if (decoded.ok) reply(address, { request_id: decoded.value.request_id, error });
    },
  };
}
