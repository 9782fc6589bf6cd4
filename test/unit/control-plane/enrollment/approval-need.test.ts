/** When people decide on a registration. */
import { describe, expect, it } from 'vitest';
import { needsApproval } from '../../../../control-plane/enrollment/approval-need.ts';

const token = { orgId: 'ours', requiresApproval: false };
const asking = { orgId: 'ours', requiresApproval: true };

describe('needsApproval', () => {
  it.each([
    ['never', 'created', token, 'ours', false],
    ['never', 'created', asking, 'ours', true],
    ['never', 'adopted', asking, 'ours', true],
    ['always', 'created', token, 'ours', true],
    ['always', 'adopted', token, 'ours', true],
    ['always', 'replaced', token, 'ours', true],
    ['unknown_hardware', 'created', token, 'ours', true],
    ['unknown_hardware', 'adopted', token, 'ours', false],
    ['unknown_hardware', 'renewed', token, 'ours', true],
    ['unknown_hardware', 'replaced', token, 'ours', false],
    // The hardware was claimed: what its former owner's token asks does not bind the present one.
    ['never', 'adopted', asking, 'theirs', false],
    ['always', 'adopted', token, 'theirs', true],
  ] as const)('%s, %s by %o in %s: %s', (mode, how, presented, orgId, needed) => {
    expect(needsApproval(mode, presented, { how, orgId })).toBe(needed);
  });
});
