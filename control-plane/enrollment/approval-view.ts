/** A registration that waits, in the shape of the HTTP contract. Pure. */
import type { EnrollmentRequest } from '#db';
import type { ApprovalView } from '#web-api';

export function approvalView(request: EnrollmentRequest): ApprovalView {
  // How another organisation names its tokens is its own business.
  const isOwnToken = request.tokenOrgId === request.orgId;
  return {
    id: request.id,
    organization_id: request.orgId,
    state: request.state,
    hardware_id: request.hardwareId,
    key_thumbprint: request.keyThumbprint,
    device_name: request.name,
    device_type: request.type,
    firmware_version: request.firmwareVersion,
    ip_address: request.ipAddress,
    token_id: request.tokenId,
    token_prefix: isOwnToken ? request.tokenPrefix : null,
    token_name: isOwnToken ? request.tokenName : null,
    requested_at: request.requestedAt.toISOString(),
    last_asked_at: request.lastAskedAt.toISOString(),
    decided_at: request.decidedAt?.toISOString() ?? null,
    decided_by: request.decidedBy,
    reason: request.reason,
    device_id: request.deviceId,
    is_known_hardware: request.isKnownHardware,
    is_suspicious: request.rivals > 0,
  };
}
