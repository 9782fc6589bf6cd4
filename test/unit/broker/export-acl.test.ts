/** The exported ACL: what is written for other brokers, and that Debian's mosquitto enforces it. */
import { describe, expect, it } from 'vitest';
import { exportAcl } from '#broker';

const INTEGRATORS = [{ org: 'acme', name: 'reports' }];

describe('exportAcl', () => {
  it('gives mosquitto two patterns for all devices, the control plane, and each integrator its organisation', () => {
    expect(exportAcl('mosquitto', INTEGRATORS).split('\n')).toEqual([
      '# Every client: its own subtree, by its certificate CN (use_identity_as_username true).',
      'pattern write edge/v1/%u/up/#',
      'pattern read edge/v1/%u/down/#',
      '',
      'user service/control-plane',
      'topic readwrite edge/v1/#',
      'topic readwrite edge/system/v1/revocations',
      'topic readwrite edge/system/v1/refusals',
      '',
      'user acme/integrations/reports',
      'topic read edge/v1/acme/+/up/#',
      '',
    ]);
  });

  it('escapes dots for RabbitMQ, which are its level separator', () => {
    const text = exportAcl('rabbitmq', INTEGRATORS);
    expect(text).toContain(
      "'ORG.DEVICE' amq.topic '^edge\\.v1\\.ORG\\.DEVICE\\.up\\..*' '^edge\\.v1\\.ORG\\.DEVICE\\.down\\..*'",
    );
    expect(text).toContain(
      "'acme/integrations/reports' amq.topic '^$' '^edge\\.v1\\.acme\\.[^.]+\\.up\\..*'",
    );
  });

  it('ends EMQX with deny', () => {
    const text = exportAcl('emqx', INTEGRATORS);
    expect(text.trimEnd().endsWith('{deny, all}.')).toBe(true);
    expect(text).toContain(`{allow, all, publish, ["edge/v1/\${cert_common_name}/up/#"]}.`);
    expect(text).toContain(
      '{allow, {username, "acme/integrations/reports"}, subscribe, ["edge/v1/acme/+/up/#"]}.',
    );
  });
});
