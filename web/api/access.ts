/** Roles of people and service accounts. */

/** In one organisation. The source document's two, and between them: who runs devices, who releases, who only looks into the record. */
export const ROLES = ['org_admin', 'operator', 'release_manager', 'auditor', 'org_member'] as const;
export type Role = (typeof ROLES)[number];
