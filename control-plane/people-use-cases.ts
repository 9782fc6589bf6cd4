/** People, groups and the life of organisations; the same conditions as in use-cases.ts. */
import type {
  BodyOf,
  GroupDevicesReply,
  GroupView,
  OrganizationView,
  QueryOf,
  SecurityView,
  UserView,
} from '#web-api';
import type { Listed, Person } from './use-cases.ts';

/** One line of an organisation's export: what it is, and its fields. */
export interface OrganizationExportRow {
  readonly kind: string;
  readonly [field: string]: unknown;
}

export interface PeopleUseCases {
  /** Closes its sessions at the broker within a second, refuses its people, keys, devices and tokens. */
  suspendOrganization(
    person: Person,
    orgId: string,
    body: BodyOf<'organizations.suspend'>,
  ): Promise<OrganizationView>;
  /** @throws 'organization.not_suspended', 'organization.deletion_due' when its grace is over */
  resumeOrganization(person: Person, orgId: string): Promise<OrganizationView>;
  /** Suspends now; the job deletes after the grace. @throws 'organization.name_mismatch' */
  deleteOrganization(
    person: Person,
    orgId: string,
    query: QueryOf<'organizations.delete'>,
  ): Promise<OrganizationView>;
  /** Authorised and audited before the first row; then rows in pages, as fast as they are read. */
  exportOrganization(
    person: Person,
    orgId: string,
    query: QueryOf<'organizations.export'>,
  ): Promise<AsyncIterable<OrganizationExportRow>>;

  security(person: Person, orgId: string): Promise<SecurityView>;
  /** @throws 'security.conflict' (409) where the version is another by now, 'security.locks_out', 'request.invalid' */
  updateSecurity(person: Person, orgId: string, body: BodyOf<'security.update'>): Promise<SecurityView>;

  listUsers(person: Person, query: QueryOf<'users.list'>): Promise<Listed<UserView>>;
  /** @throws 'user.self', 'user.last_system_admin' */
  updateUser(person: Person, userId: string, body: BodyOf<'users.update'>): Promise<UserView>;

  listGroups(person: Person, query: QueryOf<'groups.list'>): Promise<Listed<GroupView>>;
  /** @throws 'group.name_taken', 'group.too_many' */
  createGroup(person: Person, body: BodyOf<'groups.create'>): Promise<GroupView>;
  getGroup(person: Person, groupId: string): Promise<GroupView>;
  updateGroup(person: Person, groupId: string, body: BodyOf<'groups.update'>): Promise<GroupView>;
  deleteGroup(person: Person, groupId: string): Promise<void>;
  /** All or none. @throws 'device.not_found' where one to be added is no device of the organisation */
  changeGroupDevices(
    person: Person,
    groupId: string,
    body: BodyOf<'groups.devices'>,
  ): Promise<GroupDevicesReply>;
}
