/** Renewal of the certificate at 2/3 of its life: new key, request, and a trial of the new pair beside the old one. */
import { randomUUID } from 'node:crypto';
import { createCsr, createKeyPair } from '#certs/csr';
import type { CertificateIssued } from '#contract';
import type { Credentials } from './credentials.ts';
import { messageOf } from './errors.ts';
import { factsOf, type PairFacts } from './identity.ts';
import type { Log } from './log.ts';

const RENEW_AT = 2 / 3;
/** A fleet that was enrolled in one go must not renew in one go. */
const RENEW_JITTER = 0.1;
/** Between two requests, and between two trials of a renewed pair. */
export const RENEWAL_RETRY_MS = 600_000;

/** When the certificate is due; `roll` in [0, 1) is drawn once. Pure. */
export const renewalDueAt = ({ notBefore, notAfter }: PairFacts, roll: number): Date => {
  const share = RENEW_AT + (roll - 0.5) * RENEW_JITTER;
  return new Date(notBefore.getTime() + (notAfter.getTime() - notBefore.getTime()) * share);
};

export interface RenewalOptions {
  readonly credentials: Credentials;
  readonly log: Log;
  readonly now: () => Date;
  readonly random: () => number;
  /** Asks over the live link; false when there is none. */
  readonly ask: (request: { request_id: string; csr: string }) => Promise<boolean>;
  /** Asks over HTTPS. @throws Error when that fails, too. */
  readonly askOverHttps: (csr: string) => Promise<string>;
  /** Connects anew, with the renewed pair first. */
  readonly reconnect: () => void;
}

export interface Renewal {
  /**
   * Called with every beat; acts when something is due. Without a session it waits for one, unless `isLongDown`.
   * Never throws.
   */
  check(sessionPair: 'current' | 'next' | null, isLongDown: boolean): Promise<void>;
  issued(message: CertificateIssued): Promise<void>;
}

export function createRenewal(options: RenewalOptions): Renewal {
  const { credentials, log, now, random, reconnect } = options;
  const roll = random();
  let requestId: string | null = null;
  let notBeforeMs = 0;

  const accept = async (chain: string): Promise<void> => {
    requestId = null;
    await credentials.storeNext(chain);
    log.info(
      { serial: factsOf({ private_key: '', certificate_chain: chain }).serial },
      'certificate renewed',
    );
    reconnect();
  };
  const request = async (): Promise<void> => {
    const csr = createCsr(await credentials.beginRenewal(() => createKeyPair().privateKeyPem));
    requestId = randomUUID();
    if (await options.ask({ request_id: requestId, csr })) return;
    await accept(await options.askOverHttps(csr));
  };

  return {
    async check(sessionPair, isLongDown) {
      const nowMs = now().getTime();
      if (nowMs < notBeforeMs) return;
      try {
        if (credentials.next() !== null) {
          // The old pair carried this session: the renewed one gets another chance, later again if that fails.
          if (sessionPair === 'current') {
            notBeforeMs = nowMs + RENEWAL_RETRY_MS;
            reconnect();
          }
          return;
        }
        if (nowMs < renewalDueAt(factsOf(credentials.current()), roll).getTime()) return;
        if (sessionPair === null && !isLongDown) return;
        notBeforeMs = nowMs + RENEWAL_RETRY_MS * (1 + random());
        await request();
      } catch (error) {
        log.warn({ reason: messageOf(error) }, 'certificate renewal failed; tried again later');
      }
    },
    async issued(message) {
      // Only the answer to the last question counts; an older one is for the same key, but may be superseded.
      if (message.request_id !== requestId) return;
      try {
        if (message.certificate_chain === undefined) {
          requestId = null;
          await credentials.dropNext();
          log.error({ code: message.error }, 'certificate renewal refused');
        } else {
          await accept(message.certificate_chain);
          notBeforeMs = now().getTime() + RENEWAL_RETRY_MS;
        }
      } catch (error) {
        log.error({ reason: messageOf(error) }, 'renewed certificate cannot be used');
      }
    },
  };
}
