/** Store of what an organisation asks of its people and devices. */

export const ENROLLMENT_APPROVALS = ['never', 'always', 'unknown_hardware'] as const;
export type EnrollmentApproval = (typeof ENROLLMENT_APPROVALS)[number];

export interface OrganizationSecurity {
  /** 0: never changed. */
  readonly version: number;
  readonly requireTotp: boolean;
  /** Null: the installation's. */
  readonly sessionIdleMinutes: number | null;
  /** CIDR; empty: from everywhere. */
  readonly allowedNetworks: readonly string[];
  readonly enrollmentApproval: EnrollmentApproval;
  /** Null: the installation's. */
  readonly maxApiKeyDays: number | null;
  readonly updatedAt: Date | null;
  readonly updatedBy: string | null;
}
export type SecurityChange = Omit<OrganizationSecurity, 'version' | 'updatedAt' | 'updatedBy'>;

export interface OrganizationSecurityStore {
  /** What holds for the organisation: DEFAULT_ORGANIZATION_SECURITY where it never changed anything. */
  get(orgId: string): Promise<OrganizationSecurity>;
  /** Saves as version `expectedVersion + 1`; null where the version is another by now. */
  replace(
    orgId: string,
    expectedVersion: number,
    next: SecurityChange & { readonly updatedBy: string },
  ): Promise<OrganizationSecurity | null>;
}

export const DEFAULT_ORGANIZATION_SECURITY: OrganizationSecurity = {
  version: 0,
  requireTotp: false,
  sessionIdleMinutes: null,
  allowedNetworks: [],
  enrollmentApproval: 'never',
  maxApiKeyDays: null,
  updatedAt: null,
  updatedBy: null,
};
