/** Every method of every store that a person's or a device's request may reach, called for one side. */
import { randomBytes } from 'node:crypto';
import type { LogQuery, Stores } from '#db';
import type { Side } from './two-organizations.ts';

export type StoreCall = (stores: Stores, side: Side) => Promise<unknown>;

const PAGE = { limit: 50 };
const FROM = new Date(Date.now() - 86_400_000);
const TO = new Date(Date.now() + 86_400_000);
const LOGS: LogQuery = {
  ...{ deviceIds: null, levels: null, service: null, text: null, from: null, to: null },
};
const metric = (deviceIds: readonly string[]) => ({
  ...{ deviceIds, metricType: 'cpu', field: null, labels: null, from: FROM, to: TO },
});
const hash = (): string => randomBytes(32).toString('hex');
const newToken = (side: Side) => ({
  ...{ prefix: 'new', name: 'new', deviceType: null, tags: [], maxUses: 1, expiresAt: TO },
  ...{ replacesDeviceId: side.deviceId, tokenHash: hash(), createdBy: null },
});
const shape = { resolution: '1h', bucketSeconds: 3600, limit: 100 } as const;

/** By `store.method`. Several where the arguments decide which statements run. */
export const STORE_CALLS: Readonly<Record<string, readonly StoreCall[]>> = {
  'organizations.find': [(s, { orgId }) => s.organizations.find(orgId)],
  'organizations.findBySlug': [(s, { slug }) => s.organizations.findBySlug(slug)],
  'organizations.list': [
    (s, { orgId }) => s.organizations.list([orgId], PAGE),
    (s) => s.organizations.list(null, PAGE),
  ],
  'organizations.rename': [(s, { orgId }) => s.organizations.rename(orgId, 'renamed')],
  'organizations.lock': [(s, { orgId }) => s.organizations.lock(orgId)],
  'organizations.suspend': [
    (s, { orgId }) => s.organizations.suspend(orgId, { at: FROM, reason: 'tried', deleteAfter: null }),
  ],
  'organizations.resume': [(s, { orgId }) => s.organizations.resume(orgId)],
  'organizations.suspendedSlugs': [(s) => s.organizations.suspendedSlugs()],
  'organizations.dueForDeletion': [(s) => s.organizations.dueForDeletion(TO)],
  'organizations.deleteDevices': [(s, { orgId }) => s.organizations.deleteDevices(orgId, 10)],
  'organizations.remove': [(s, { orgId }) => s.organizations.remove(orgId)],
  'organizationSecurity.get': [(s, { orgId }) => s.organizationSecurity.get(orgId)],
  'organizationSecurity.replace': [
    (s, { orgId }) =>
      s.organizationSecurity.replace(orgId, 1, {
        ...{ requireTotp: true, sessionIdleMinutes: 5, allowedNetworks: [], enrollmentApproval: 'always' },
        ...{ maxApiKeyDays: null, updatedBy: 'tried' },
      }),
  ],
  'organizationExport.page': (
    [
      ...[
        'organization',
        'security_settings',
        'telemetry_settings',
        'metric_type',
        'member',
        'member_group',
        'group',
      ],
      ...['group_device', 'device', 'device_configuration', 'deleted_device', 'registration_token'],
      ...['registration_token_use', 'integrator', 'certificate'],
    ] as Parameters<Stores['organizationExport']['page']>[1][]
  ).map(
    (kind): StoreCall =>
      (s, { orgId }) =>
        s.organizationExport.page(orgId, kind, null, 50),
  ),
  'users.count': [(s) => s.users.count()],
  'users.find': [(s, { userId }) => s.users.find(userId)],
  'users.setPassword': [(s, { userId }) => s.users.setPassword(userId, 'tried', false)],
  'users.recordLogin': [(s, { userId }) => s.users.recordLogin(userId, TO)],
  'users.memberships': [(s, { userId }) => s.users.memberships(userId)],
  'users.members': [(s, { orgId }) => s.users.members(orgId, PAGE)],
  'users.member': [(s, { orgId, userId }) => s.users.member(orgId, userId)],
  'users.addMember': [(s, { orgId, userId }) => s.users.addMember(orgId, userId, 'operator')],
  'users.updateMember': [
    (s, { orgId, userId }) => s.users.updateMember(orgId, userId, 'auditor'),
    (s, { orgId, userId, groupId }) => s.users.updateMember(orgId, userId, 'auditor', [groupId]),
  ],
  'users.removeMember': [(s, { orgId, userId }) => s.users.removeMember(orgId, userId)],
  'users.lockOrgAdmins': [(s, { orgId }) => s.users.lockOrgAdmins(orgId)],
  'accounts.list': [(s) => s.accounts.list({}, PAGE)],
  'accounts.find': [(s, { userId }) => s.accounts.find(userId)],
  'accounts.update': [(s, { userId }) => s.accounts.update(userId, { name: 'tried', disabled: true })],
  'accounts.lockSystemAdmins': [(s) => s.accounts.lockSystemAdmins()],
  'groups.create': [(s, { orgId }) => s.groups.create(orgId, { name: 'new', description: null })],
  'groups.find': [
    (s, { orgId, groupId }) => s.groups.find(orgId, groupId),
    (s, { groupId }) => s.groups.find(null, groupId),
  ],
  'groups.list': [
    (s, { orgId }) => s.groups.list(orgId, PAGE),
    (s, { orgId, groupId }) => s.groups.list({ orgIds: [orgId], groupIds: [groupId] }, PAGE),
  ],
  'groups.update': [(s, { orgId, groupId }) => s.groups.update(orgId, groupId, { name: 'tried' })],
  'groups.delete': [(s, { orgId, groupId }) => s.groups.delete(orgId, groupId)],
  'groups.addDevices': [(s, { orgId, groupId, deviceId }) => s.groups.addDevices(orgId, groupId, [deviceId])],
  'groups.removeDevices': [
    (s, { orgId, groupId, deviceId }) => s.groups.removeDevices(orgId, groupId, [deviceId]),
  ],
  'groups.ofDevice': [(s, { orgId, deviceId }) => s.groups.ofDevice(orgId, deviceId)],
  'groups.known': [(s, { orgId, groupId }) => s.groups.known(orgId, [groupId])],
  'groups.devicesIn': [(s, { groupId }) => s.groups.devicesIn([groupId])],
  'sessions.list': [(s, { userId }) => s.sessions.list(userId, new Date(), new Date(0), PAGE)],
  'sessions.use': [(s, { sessionHash }) => s.sessions.use(sessionHash, new Date(), new Date(0))],
  'sessions.touch': [
    (s, { sessionHash }) => s.sessions.touch({ tokenHash: sessionHash, lastUsedAt: new Date(0) }, new Date()),
  ],
  'sessions.end': [(s, { sessionHash }) => s.sessions.end(sessionHash)],
  'sessions.endOne': [(s, { userId, sessionId }) => s.sessions.endOne(userId, sessionId)],
  'sessions.endAllOf': [(s, { userId }) => s.sessions.endAllOf(userId, null)],
  'secondFactors.find': [(s, { userId }) => s.secondFactors.find(userId)],
  'secondFactors.begin': [(s, { userId }) => s.secondFactors.begin(userId, 'tried', TO)],
  'secondFactors.confirm': [(s, { userId }) => s.secondFactors.confirm(userId, 5, TO)],
  'secondFactors.takeStep': [(s, { userId }) => s.secondFactors.takeStep(userId, 9)],
  'secondFactors.takeRecoveryCode': [(s, { userId }) => s.secondFactors.takeRecoveryCode(userId, hash(), TO)],
  'secondFactors.replaceRecoveryCodes': [
    (s, { userId }) => s.secondFactors.replaceRecoveryCodes(userId, [hash()]),
  ],
  'secondFactors.remove': [(s, { userId }) => s.secondFactors.remove(userId)],
  'apiKeys.findByPrefix': [(s, { keyPrefix }) => s.apiKeys.findByPrefix(keyPrefix)],
  'apiKeys.list': [(s, { accountId }) => s.apiKeys.list(accountId, PAGE)],
  'apiKeys.countLive': [(s, { accountId }) => s.apiKeys.countLive(accountId, FROM)],
  'apiKeys.revoke': [(s, { accountId, keyId }) => s.apiKeys.revoke(accountId, keyId, TO)],
  'apiKeys.recordUse': [(s, { keyId }) => s.apiKeys.recordUse(keyId, TO, null)],
  'serviceAccounts.create': [
    (s, { orgId }) => s.serviceAccounts.create(orgId, { name: 'new', role: 'operator', createdBy: 'tried' }),
  ],
  'serviceAccounts.find': [(s, { orgId, accountId }) => s.serviceAccounts.find(orgId, accountId)],
  'serviceAccounts.list': [(s, { orgId }) => s.serviceAccounts.list(orgId, PAGE)],
  'serviceAccounts.count': [(s, { orgId }) => s.serviceAccounts.count(orgId)],
  'serviceAccounts.setRole': [
    (s, { orgId, accountId }) => s.serviceAccounts.setRole(orgId, accountId, 'auditor'),
  ],
  'serviceAccounts.delete': [(s, { orgId, accountId }) => s.serviceAccounts.delete(orgId, accountId)],
  'devices.create': [
    (s, { orgId }) => s.devices.create(orgId, { name: 'new', type: 'gateway', hardwareId: hash() }),
  ],
  'devices.find': [
    (s, { orgId, deviceId }) => s.devices.find(orgId, deviceId),
    (s, { deviceId }) => s.devices.find(null, deviceId),
    (s, { orgId, groupId, deviceId }) => s.devices.find({ orgIds: [orgId], groupIds: [groupId] }, deviceId),
  ],
  'devices.findByHardwareId': [(s, { hardwareId }) => s.devices.findByHardwareId(hardwareId)],
  'devices.isNameTaken': [(s, { orgId, device }) => s.devices.isNameTaken(orgId, device.name)],
  'devices.choose': [
    (s, { orgId }) => s.devices.choose(orgId, {}, 50),
    (s, { orgId, deviceId }) => s.devices.choose(orgId, { ids: [deviceId] }, 50),
  ],
  'devices.list': [
    (s, { orgId }) => s.devices.list(orgId, {}, PAGE),
    (s, { orgId }) =>
      s.devices.list([orgId], { sort: '-last_seen', search: 'device', type: 'gateway' }, PAGE),
    (s, { orgId, groupId }) => s.devices.list({ orgIds: [orgId], groupIds: [groupId] }, {}, PAGE),
  ],
  'devices.summary': [(s, { orgId }) => s.devices.summary(orgId), (s) => s.devices.summary(null)],
  'devices.update': [(s, { orgId, deviceId }) => s.devices.update(orgId, deviceId, { name: 'tried' })],
  'devices.delete': [(s, { orgId, deviceId }) => s.devices.delete(orgId, deviceId)],
  'devices.activeConfig': [(s, { orgId, deviceId }) => s.devices.activeConfig(orgId, deviceId)],
  'presence.lock': [(s, { slug, deviceId }) => s.presence.lock([{ org: slug, device: deviceId }])],
  'presence.share': [(s, { slug, deviceId }) => s.presence.share([{ org: slug, device: deviceId }])],
  'presence.save': [
    (s, { orgId, slug, deviceId }) =>
      s.presence.save([
        {
          ...{ orgId, orgSlug: slug, deviceId, observation: 'offline', since: FROM, sessionEpoch: 9 },
          ...{ connected: false, lastHeartbeatAt: null, goodbyeReason: 'tried' },
        },
      ]),
  ],
  'presence.appendChanges': [
    (s, { orgId, deviceId }) =>
      s.presence.appendChanges([
        { ...{ orgId, deviceId, at: TO, from: null, to: 'offline', reason: 'tried' }, sessionEpoch: null },
      ]),
  ],
  'presence.events': [(s, { orgId, deviceId }) => s.presence.events(orgId, deviceId, {}, PAGE)],
  'presence.snapshot': [(s, { orgId, deviceId }) => s.presence.snapshot(orgId, deviceId)],
  'presence.top': [
    (s, { orgId }) => s.presence.top([orgId], 'cpu_percent', FROM, 50),
    (s) => s.presence.top(null, 'outbox_records', FROM, 50),
  ],
  'presence.outboxTotals': [(s, { orgId }) => s.presence.outboxTotals([orgId], FROM)],
  'telemetry.listDeadLetters': [
    (s, { slug }) => s.telemetry.listDeadLetters([slug], {}, PAGE),
    (s) => s.telemetry.listDeadLetters(null, {}, PAGE),
  ],
  'telemetry.minutes': [(s, { orgId }) => s.telemetry.minutes([orgId], FROM, TO)],
  'series.buckets': (['raw', '1m', '1h', '1d'] as const).map(
    (resolution): StoreCall =>
      (s, { orgId, deviceId }) =>
        s.series.buckets(orgId, metric([deviceId]), { resolution, bucketSeconds: 86_400, limit: 100 }),
  ),
  'series.combined': [(s, { orgId, deviceId }) => s.series.combined(orgId, metric([deviceId]), shape)],
  'series.rawPage': [
    (s, { orgId, deviceId }) =>
      s.series.rawPage(orgId, { ...metric([deviceId]), metricType: null }, null, 100),
  ],
  'series.recent': [(s, { orgId, deviceId }) => s.series.recent(orgId, deviceId, 100)],
  'series.catalogue': [(s, { orgId, deviceId }) => s.series.catalogue(orgId, deviceId, FROM)],
  'logs.search': [
    (s, { orgId }) => s.logs.search(orgId, LOGS, 'older', null, 100),
    (s, { orgId }) =>
      s.logs.search(orgId, { ...LOGS, text: 'line', levels: ['error'], from: FROM }, 'newer', null, 100),
    (s, { orgId, deviceId }) =>
      s.logs.search(orgId, { ...LOGS, deviceIds: [deviceId], service: 'sshd' }, 'older', null, 9),
  ],
  'logs.services': [(s, { orgId, deviceId }) => s.logs.services(orgId, deviceId, FROM)],
  'logs.countErrors': [(s, { orgId }) => s.logs.countErrors([orgId], FROM)],
  'telemetrySettings.get': [(s, { orgId }) => s.telemetrySettings.get(orgId)],
  'telemetrySettings.replace': [
    (s, { orgId }) =>
      s.telemetrySettings.replace(orgId, 1, {
        ...{ settings: {} as never, unknownMetrics: 'reject', updatedBy: 'tried' },
        retentionDays: { metrics: 1, metrics_1m: 1, metrics_1h: 1, metrics_1d: 1, logs: 1 },
      }),
  ],
  'metricTypes.list': [(s, { orgId }) => s.metricTypes.list(orgId)],
  'metricTypes.put': [
    (s, { orgId }) =>
      s.metricTypes.put(orgId, {
        ...{
          name: 'new_type',
          description: null,
          unit: null,
          kind: 'gauge',
          allowedLabels: null,
          maxSeries: 5,
        },
      }),
  ],
  'metricTypes.delete': [(s, { orgId, device }) => s.metricTypes.delete(orgId, `${device.tags[0]}_cpu`)],
  'tokens.create': [(s, side) => s.tokens.create(side.orgId, newToken(side))],
  'tokens.find': [
    (s, { orgId, tokenId }) => s.tokens.find(orgId, tokenId),
    (s, { tokenId }) => s.tokens.find(null, tokenId),
  ],
  'tokens.list': [(s, { orgId }) => s.tokens.list(orgId, PAGE), (s) => s.tokens.list(null, PAGE)],
  'tokens.revoke': [(s, { orgId, tokenId }) => s.tokens.revoke(orgId, tokenId, TO)],
  'tokens.lock': [(s, { tokenId }) => s.tokens.lock(tokenId)],
  'tokens.lockByHash': [(s, { tokenHash }) => s.tokens.lockByHash(tokenHash)],
  'certificates.findBySerial': [(s, { serial }) => s.certificates.findBySerial(serial)],
  'certificates.ofDevice': [(s, { orgId, deviceId }) => s.certificates.ofDevice(orgId, deviceId)],
  'certificates.ofIntegrator': [
    (s, { orgId, integratorId }) => s.certificates.ofIntegrator(orgId, integratorId),
  ],
  'certificates.activate': [(s, { serial }) => s.certificates.activate(serial)],
  'certificates.revokeOfDevice': [
    (s, { orgId, deviceId }) => s.certificates.revokeOfDevice(orgId, deviceId, 'tried', TO),
  ],
  'certificates.revokeOfIntegrator': [
    (s, { orgId, integratorId }) => s.certificates.revokeOfIntegrator(orgId, integratorId, 'tried', TO),
  ],
  'certificateBoard.list': [
    (s, { orgId }) => s.certificateBoard.list(orgId, {}, FROM, PAGE),
    (s, { orgId }) => s.certificateBoard.list([orgId], { state: 'active', kind: 'device' }, FROM, PAGE),
  ],
  'certificateBoard.counts': [(s, { orgId }) => s.certificateBoard.counts([orgId], FROM)],
  'certificateBoard.find': [(s, { serial }) => s.certificateBoard.find(serial, FROM)],
  'certificateBoard.revoke': [
    (s, { orgId, serial }) => s.certificateBoard.revoke(orgId, serial, 'tried', TO),
  ],
  'integrators.create': [(s, { orgId }) => s.integrators.create(orgId, 'new')],
  'integrators.find': [(s, { orgId, integratorId }) => s.integrators.find(orgId, integratorId)],
  'integrators.list': [
    (s, { orgId }) => s.integrators.list(orgId, PAGE),
    (s) => s.integrators.list(null, PAGE),
  ],
  'integrators.delete': [(s, { orgId, integratorId }) => s.integrators.delete(orgId, integratorId)],
  'enrollmentRequests.find': [
    (s, { orgId, requestId }) => s.enrollmentRequests.find(orgId, requestId, FROM),
    (s, { requestId }) => s.enrollmentRequests.find(null, requestId, FROM),
  ],
  'enrollmentRequests.list': [(s, { orgId }) => s.enrollmentRequests.list(orgId, {}, PAGE, FROM)],
  'enrollmentRequests.countWaiting': [(s, { orgId }) => s.enrollmentRequests.countWaiting({ orgId })],
  'enrollmentRequests.decide': [
    (s, { orgId, requestId }) =>
      s.enrollmentRequests.decide(orgId, requestId, {
        from: ['waiting'],
        state: 'rejected',
        by: 'tried',
        at: TO,
      }),
  ],
  'enrollmentRequests.endRivals': [
    (s, { orgId, slug, tokenId }) => s.enrollmentRequests.endRivals(orgId, `${slug}-waiting`, tokenId, TO),
  ],
  'enrollmentRequests.endOfDevice': [
    (s, { orgId, deviceId }) => s.enrollmentRequests.endOfDevice(orgId, deviceId, TO),
  ],
  'claimCodes.put': [
    (s, { orgId, deviceId }) =>
      s.claimCodes.put(orgId, deviceId, { codeHash: hash(), expiresAt: TO, createdBy: null }),
  ],
  'claimCodes.findByHash': [(s, { codeHash }) => s.claimCodes.findByHash(codeHash)],
  'claimCodes.expiresAt': [(s, { orgId, deviceId }) => s.claimCodes.expiresAt(orgId, deviceId)],
  'claimCodes.remove': [(s, { orgId, deviceId }) => s.claimCodes.remove(orgId, deviceId)],
  'secrets.list': [(s, { orgId }) => s.secrets.list(orgId, PAGE)],
  'secrets.find': [(s, { orgId, secretName }) => s.secrets.find(orgId, secretName)],
  'secrets.named': [(s, { orgId, secretName }) => s.secrets.named(orgId, [secretName])],
  'secrets.all': [(s, { orgId }) => s.secrets.all(orgId, 50)],
  'secrets.put': [
    (s, { orgId, secretName }) =>
      s.secrets.put(orgId, {
        name: secretName,
        provider: 'builtin',
        path: null,
        field: null,
        updatedBy: 'tried',
      }),
  ],
  'secrets.delete': [(s, { orgId, secretName }) => s.secrets.delete(orgId, secretName)],
  'secrets.addVersion': [
    (s, { orgId, secretId }) =>
      s.secrets.addVersion(orgId, { secretId, version: 9, sealed: 'v1.tried.a.b.c', createdBy: 'tried' }),
  ],
  'secrets.sealedValue': [(s, { orgId, secretId }) => s.secrets.sealedValue(orgId, secretId, 1)],
  'secrets.noteResolved': [(s, { orgId, secretId }) => s.secrets.noteResolved(orgId, secretId, TO, 'tried')],
  'dataKeys.list': [(s, { orgId }) => s.dataKeys.list(orgId, 50)],
  'dataKeys.active': [(s, { orgId }) => s.dataKeys.active(orgId)],
  'dataKeys.find': [(s, { orgId, dataKeyId }) => s.dataKeys.find(orgId, dataKeyId)],
  'audit.append': [
    (s, { orgId }) =>
      s.audit.append({
        ...{ orgId, actor: 'person:tried', ipAddress: null, action: 'tried', object: 'tried:1', detail: {} },
        outcome: 'success',
      }),
  ],
  'audit.list': [(s, { orgId }) => s.audit.list(orgId, {}, PAGE), (s) => s.audit.list(null, {}, PAGE)],
  'audit.find': [(s, { orgId, auditId }) => s.audit.find(orgId, auditId)],
  'audit.chainRows': [(s, { orgId }) => s.audit.chainRows([orgId], {}, null, 50)],
  'audit.chains': [(s, { orgId }) => s.audit.chains([orgId])],
  'audit.chainSlice': [(s, { orgId }) => s.audit.chainSlice(orgId, 1, 50)],
  'audit.checkpoints': [(s, { orgId }) => s.audit.checkpoints(orgId, PAGE)],
  'refusals.list': [(s, { orgId }) => s.refusals.list(orgId, {}, PAGE)],
};

/** Run as the owner, before anybody is known or for every organisation at once; people and devices have no way to them. */
export const OWNERS_ALONE: ReadonlySet<string> = new Set([
  ...[
    'organizations.create',
    'users.create',
    'users.findByEmail',
    'sessions.create',
    'sessions.deleteExpired',
  ],
  ...['apiKeys.create', 'apiKeys.deleteEnded', 'tokens.recordUse', 'tokens.findUse', 'certificates.add'],
  ...[
    'certificates.revokeOfOrganization',
    'certificates.activateHeard',
    'certificates.revokeStalePending',
    'certificates.revoked',
  ],
  ...['presence.saveHeartbeats', 'presence.lockSilent', 'presence.flushLastSeen'],
  ...['telemetry.cursors', 'telemetry.moveCursors', 'telemetry.insertMetrics', 'telemetry.insertLogs'],
  ...['telemetry.deadLetter', 'telemetry.addMinutes', 'series.refreshRollups', 'series.rollupLagSeconds'],
  ...[
    'telemetrySettings.all',
    'metricTypes.all',
    'metricTypes.noteSeen',
    'refusals.append',
    'refusals.deleteBefore',
  ],
  ...['enrollmentRequests.create', 'enrollmentRequests.findByKey', 'enrollmentRequests.countKeys'],
  ...['enrollmentRequests.touch', 'enrollmentRequests.approvedKey', 'enrollmentRequests.deleteOld'],
  ...['claimCodes.deleteExpired', 'audit.headsToSign', 'audit.addCheckpoints'],
]);
/** Whole stores of that kind. */
export const OWNERS_STORES: ReadonlySet<string> = new Set([
  ...['identities', 'providerSessions', 'dataKeys', 'sealedRows', 'authorities'],
]);
