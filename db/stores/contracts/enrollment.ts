/** Stores of registration tokens, certificates and integrators. */
import type { Device, DeviceStatus } from './devices.ts';
import type { Page, PageRequest } from './page.ts';

export interface RegistrationToken {
  readonly id: string;
  readonly orgId: string;
  readonly orgSlug: string;
  readonly prefix: string;
  readonly name: string;
  readonly deviceType: Device['type'] | null;
  readonly tags: readonly string[];
  readonly maxUses: number;
  readonly uses: number;
  readonly expiresAt: Date;
  readonly revokedAt: Date | null;
  readonly createdAt: Date;
  readonly createdBy: string | null;
  readonly replacesDeviceId: string | null;
  /** Every registration waits for a decision, whatever the organisation asks otherwise. */
  readonly requiresApproval: boolean;
  /** CIDR; empty = from everywhere. */
  readonly allowedNetworks: readonly string[];
  /** Good for this hardware alone; null = for any. */
  readonly hardwareId: string | null;
  /** Groups that the devices join. */
  readonly groupIds: readonly string[];
  readonly lastDevice: { id: string; name: string; status: DeviceStatus } | null;
}
export interface RegistrationTokenStore {
  create(
    orgId: string,
    input: Pick<
      RegistrationToken,
      'prefix' | 'name' | 'deviceType' | 'tags' | 'maxUses' | 'expiresAt' | 'replacesDeviceId'
    > &
      Partial<Pick<RegistrationToken, 'requiresApproval' | 'allowedNetworks' | 'hardwareId' | 'groupIds'>> & {
        tokenHash: string;
        createdBy: string | null;
      },
  ): Promise<RegistrationToken>;
  find(orgId: string | null, tokenId: string): Promise<RegistrationToken | null>;
  list(orgId: string | null | readonly string[], page: PageRequest): Promise<Page<RegistrationToken>>;
  revoke(orgId: string, tokenId: string, at: Date): Promise<boolean>;
  /** By SHA-256 of the whole token, `FOR UPDATE`: parallel claims queue here. */
  lockByHash(tokenHash: string): Promise<RegistrationToken | null>;
  /** As `lockByHash`, by id. */
  lock(tokenId: string): Promise<RegistrationToken | null>;
  /** One use, remembered with (hardware id, key thumbprint) so that a lost reply is retried safely. */
  recordUse(
    tokenId: string,
    use: { deviceId: string; hardwareId: string; keyThumbprint: string; at: Date },
  ): Promise<void>;
  findUse(tokenId: string, hardwareId: string, keyThumbprint: string): Promise<{ deviceId: string } | null>;
}

export interface Certificate {
  readonly serial: string;
  readonly orgId: string;
  readonly deviceId: string | null;
  readonly integratorId: string | null;
  readonly state: 'pending' | 'active' | 'superseded' | 'revoked';
  readonly subject: string;
  readonly fingerprintSha256: string;
  /** SHA-256 of the SubjectPublicKeyInfo, hex. */
  readonly keyThumbprint: string;
  readonly pem: string;
  readonly notBefore: Date;
  readonly notAfter: Date;
  readonly createdAt: Date;
  readonly revokedAt: Date | null;
  readonly revocationReason: string | null;
  /** Generation of the authority that signed it; null = the first. */
  readonly authorityId: string | null;
}
export interface CertificateStore {
  add(
    input: Omit<Certificate, 'createdAt' | 'revokedAt' | 'revocationReason' | 'authorityId'> &
      Partial<Pick<Certificate, 'authorityId'>>,
  ): Promise<void>;
  findBySerial(serial: string): Promise<Certificate | null>;
  ofDevice(orgId: string, deviceId: string): Promise<readonly Certificate[]>;
  ofIntegrator(orgId: string, integratorId: string): Promise<readonly Certificate[]>;
  /** pending → active; older active ones of the same holder → superseded (still valid until they expire). @returns whether it changed */
  activate(serial: string): Promise<boolean>;
  /** Every certificate of the holder that is not revoked; @returns the serials revoked now. */
  revokeOfDevice(orgId: string, deviceId: string, reason: string, at: Date): Promise<readonly string[]>;
  revokeOfOrganization(orgId: string, reason: string, at: Date): Promise<readonly string[]>;
  revokeOfIntegrator(
    orgId: string,
    integratorId: string,
    reason: string,
    at: Date,
  ): Promise<readonly string[]>;
  /**
   * For devices that do not name their certificate: where one was heard since its newest pending certificate was made
   * and none of its certificates is active, that one is what it used. @returns how many
   */
  activateHeard(): Promise<number>;
  /** Pending ones made before `before` whose device was not heard since. @returns the serials */
  revokeStalePending(before: Date, at: Date): Promise<readonly string[]>;
  /** Revoked and not yet expired: what brokers and the CRL need. Survives the deletion of device and organisation. */
  revoked(
    now: Date,
  ): Promise<
    readonly { serial: string; revokedAt: Date; reason: string | null; authorityId: string | null }[]
  >;
}

export interface Integrator {
  readonly id: string;
  readonly orgId: string;
  readonly orgSlug: string;
  readonly name: string;
  readonly createdAt: Date;
}
export interface IntegratorStore {
  /** @throws StoreError 'conflict' on a known name in the organisation. */
  create(orgId: string, name: string): Promise<Integrator>;
  find(orgId: string | null, integratorId: string): Promise<Integrator | null>;
  list(orgId: string | null | readonly string[], page: PageRequest): Promise<Page<Integrator>>;
  delete(orgId: string, integratorId: string): Promise<boolean>;
}
