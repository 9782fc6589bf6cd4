/** The ACL of the contract in the words of other brokers. Pure; what each needs beside it is in the README. */
import { SYSTEM_CHANNELS, type SystemChannelName, systemTopic, TOPIC_ROOT } from '#contract';

export const ACL_FORMATS = ['mosquitto', 'rabbitmq', 'emqx'] as const;
export type AclFormat = (typeof ACL_FORMATS)[number];

/** An integrator whose certificate says `{org}/integrations/{name}`. */
export interface Integrator {
  readonly org: string;
  readonly name: string;
}

const CONTROL_PLANE = 'service/control-plane';
const systemTopics = (Object.keys(SYSTEM_CHANNELS) as SystemChannelName[]).map(systemTopic);

/**
 * @param integrators one by one, because no broker can read the organisation out of their user name.
 * mosquitto: text of `acl_file`, with `use_identity_as_username true`. RabbitMQ: lines for `rabbitmqctl`, run per
 * user. EMQX: text of `acl.conf`.
 */
export function exportAcl(format: AclFormat, integrators: readonly Integrator[] = []): string {
  switch (format) {
    case 'mosquitto':
      return mosquitto(integrators);
    case 'rabbitmq':
      return rabbitmq(integrators);
    case 'emqx':
      return emqx(integrators);
  }
}

const userOf = ({ org, name }: Integrator): string => `${org}/integrations/${name}`;

function mosquitto(integrators: readonly Integrator[]): string {
  return lines(
    '# Every client: its own subtree, by its certificate CN (use_identity_as_username true).',
    `pattern write ${TOPIC_ROOT}/%u/up/#`,
    `pattern read ${TOPIC_ROOT}/%u/down/#`,
    '',
    `user ${CONTROL_PLANE}`,
    `topic readwrite ${TOPIC_ROOT}/#`,
    ...systemTopics.map((topic) => `topic readwrite ${topic}`),
    ...integrators.flatMap((integrator) => [
      '',
      `user ${userOf(integrator)}`,
      `topic read ${TOPIC_ROOT}/${integrator.org}/+/up/#`,
    ]),
  );
}

/** Levels are parted by dots inside RabbitMQ, and a dot in a pattern must be escaped. */
function rabbitmq(integrators: readonly Integrator[]): string {
  const root = TOPIC_ROOT.replaceAll('/', '\\.');
  const permit = (user: string, write: string, read: string): string =>
    `rabbitmqctl set_topic_permissions -p / '${user}' amq.topic '${write}' '${read}'`;
  const system = systemTopics.map((topic) => topic.replaceAll('/', '\\.')).join('|');
  return lines(
    '# Users are named by SAN DNS {org}.{device} (ssl_cert_login_from = subject_alternative_name, san_type = dns).',
    '# Once per device, with its organisation and id in place of ORG and DEVICE:',
    permit('ORG.DEVICE', `^${root}\\.ORG\\.DEVICE\\.up\\..*`, `^${root}\\.ORG\\.DEVICE\\.down\\..*`),
    permit(CONTROL_PLANE, `^(${root}\\..*|${system})$`, `^(${root}\\..*|${system})$`),
    ...integrators.map((integrator) =>
      permit(userOf(integrator), '^$', `^${root}\\.${integrator.org}\\.[^.]+\\.up\\..*`),
    ),
  );
}

/** Needs `authorization.topic_template_allow.slash = true`, for the CN holds a slash. */
function emqx(integrators: readonly Integrator[]): string {
  const own = `${TOPIC_ROOT}/\${cert_common_name}`;
  const quoted = (topics: readonly string[]): string => topics.map((topic) => `"${topic}"`).join(', ');
  return lines(
    '%% peer_cert_as_username = cn, authorization.no_match = deny',
    `{allow, {username, "${CONTROL_PLANE}"}, all, [${quoted([`${TOPIC_ROOT}/#`, ...systemTopics])}]}.`,
    ...integrators.map(
      (integrator) =>
        `{allow, {username, "${userOf(integrator)}"}, subscribe, [${quoted([`${TOPIC_ROOT}/${integrator.org}/+/up/#`])}]}.`,
    ),
    `{allow, all, publish, [${quoted([`${own}/up/#`])}]}.`,
    `{allow, all, subscribe, [${quoted([`${own}/down/#`])}]}.`,
    '{deny, all}.',
  );
}

const lines = (...text: string[]): string => `${text.join('\n')}\n`;
