/** Decisions on registrations, and devices that change hands; the same conditions as in use-cases.ts. */
import type {
  ApprovalView,
  BodyOf,
  ClaimCodeReply,
  ClaimCodeView,
  DecisionReply,
  DeviceView,
  QueryOf,
} from '#web-api';
import type { Listed, Person } from './use-cases.ts';

export interface ApprovalUseCases {
  list(person: Person, query: QueryOf<'approvals.list'>): Promise<Listed<ApprovalView>>;
  /** One transaction and one audit row per id. @throws 'organization.not_found', 'auth.forbidden' */
  approve(person: Person, body: BodyOf<'approvals.approve'>): Promise<DecisionReply>;
  /** As `approve`. */
  reject(person: Person, body: BodyOf<'approvals.reject'>): Promise<DecisionReply>;
}

export interface ClaimUseCases {
  getCode(person: Person, deviceId: string): Promise<ClaimCodeView>;
  createCode(person: Person, deviceId: string, body: BodyOf<'claim_codes.create'>): Promise<ClaimCodeReply>;
  deleteCode(person: Person, deviceId: string): Promise<void>;
  /**
   * A wrong, an expired and a used code answer alike.
   * @throws 'claim.code_invalid', 'claim.own_device', 'rate.limited'
   */
  claim(person: Person, body: BodyOf<'claims.create'>): Promise<DeviceView>;
}
