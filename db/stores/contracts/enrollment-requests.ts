/** Stores of registrations that people decide on, and of claim codes. */
import type { Device } from './devices.ts';
import type { Page, PageRequest } from './page.ts';

/**
 * `waiting` for a decision; `approved`: the device may fetch its certificate; `enrolled`: it has; `rejected`; `ended`:
 * its token ended before a decision, another key of the hardware was approved, or the device was revoked or deleted.
 */
export type EnrollmentRequestState = 'waiting' | 'approved' | 'enrolled' | 'rejected' | 'ended';

export interface EnrollmentRequest {
  readonly id: string;
  /** Whose people decide. */
  readonly orgId: string;
  readonly tokenId: string;
  /** Of the token: another organisation where the hardware was claimed from it; null where that is out of sight. */
  readonly tokenOrgId: string | null;
  readonly tokenPrefix: string | null;
  readonly tokenName: string | null;
  readonly hardwareId: string;
  /** SHA-256 of the key's SPKI, hex. */
  readonly keyThumbprint: string;
  readonly name: string;
  readonly type: Device['type'];
  readonly firmwareVersion: string;
  readonly ipAddress: string | null;
  /** As it is at the time asked for: a waiting one whose token has ended is `ended`. */
  readonly state: EnrollmentRequestState;
  readonly requestedAt: Date;
  readonly lastAskedAt: Date;
  readonly decidedAt: Date | null;
  readonly decidedBy: string | null;
  readonly reason: string | null;
  readonly deviceId: string | null;
  /** Other keys that asked for the same hardware in this organisation: one of them is not the machine. */
  readonly rivals: number;
  /** A device of the organisation has this hardware: registered beforehand, or enrolled before. */
  readonly isKnownHardware: boolean;
}

export interface NewEnrollmentRequest {
  readonly tokenId: string;
  readonly hardwareId: string;
  readonly keyThumbprint: string;
  readonly csrPem: string;
  readonly name: string;
  readonly type: Device['type'];
  readonly firmwareVersion: string;
  readonly ipAddress: string | null;
  readonly at: Date;
}

export interface EnrollmentRequestStore {
  create(orgId: string, input: NewEnrollmentRequest): Promise<string>;
  /** By what the device says of itself; the token must be locked. */
  findByKey(
    tokenId: string,
    hardwareId: string,
    keyThumbprint: string,
    now: Date,
  ): Promise<EnrollmentRequest | null>;
  find(orgId: string | null, requestId: string, now: Date): Promise<EnrollmentRequest | null>;
  list(
    orgId: string | null | readonly string[],
    filter: { readonly state?: EnrollmentRequestState; readonly search?: string },
    page: PageRequest,
    now: Date,
  ): Promise<Page<EnrollmentRequest>>;
  /** Rows that wait, whatever became of their tokens. */
  countWaiting(of: { readonly orgId: string } | { readonly tokenId: string }): Promise<number>;
  /** Keys that asked for this hardware by this token, whatever was decided. */
  countKeys(tokenId: string, hardwareId: string): Promise<number>;
  touch(requestId: string, at: Date): Promise<void>;
  /** @returns whether it was in one of `from`. */
  decide(
    orgId: string,
    requestId: string,
    decision: {
      readonly from: readonly EnrollmentRequestState[];
      readonly state: EnrollmentRequestState;
      readonly by: string | null;
      readonly reason?: string | null;
      readonly deviceId?: string | null;
      readonly at: Date;
    },
  ): Promise<boolean>;
  /** The key whose approval for this hardware is not used yet, approved after `since`. */
  approvedKey(hardwareId: string, since: Date): Promise<{ requestId: string; keyThumbprint: string } | null>;
  /** All others of the hardware that wait or are approved. @returns how many */
  endRivals(orgId: string, hardwareId: string, exceptRequestId: string, at: Date): Promise<number>;
  /** Takes an approval back that the device has not used yet. @returns how many */
  endOfDevice(orgId: string, deviceId: string, at: Date): Promise<number>;
  /** Decided, or ended with their token, and not asked for since `before`. @returns rows gone */
  deleteOld(before: Date): Promise<number>;
}

export interface ClaimCode {
  readonly deviceId: string;
  readonly orgId: string;
  readonly hardwareId: string;
  readonly expiresAt: Date;
}
export interface ClaimCodeStore {
  /** In place of the device's code before. */
  put(
    orgId: string,
    deviceId: string,
    code: { readonly codeHash: string; readonly expiresAt: Date; readonly createdBy: string | null },
  ): Promise<void>;
  /** Over all organisations: whoever holds a code does not know whose it is. */
  findByHash(codeHash: string): Promise<ClaimCode | null>;
  /** When the device's code ends; null where it has none. */
  expiresAt(orgId: string, deviceId: string): Promise<Date | null>;
  remove(orgId: string, deviceId: string): Promise<boolean>;
  deleteExpired(now: Date): Promise<number>;
}
