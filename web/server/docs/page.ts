/** The API's documentation as one HTML page, made on the server: no script, no style from elsewhere. Pure. */
import { CHANNELS, type Channel } from '#contract';
import { ERRORS } from '#control-plane';
import { ROUTES, type Route } from '#web-api';
import { exampleOf, type SchemaNode } from './example.ts';
import { escapeHtml, fieldTable, json } from './markup.ts';

const AUTH_WORDS: Readonly<Record<Route['auth'], string>> = {
  public: 'no sign-in',
  session: 'session',
  device: 'device token',
  certificate: 'device certificate',
};

export function docsPage(version: string): string {
  const routes = Object.entries<Route>(ROUTES);
  const tags = [...new Set(routes.map(([, { tag }]) => tag))];
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Ops-Center Edge: API</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/api/docs/style.css">
</head>
<body>
<header>
<h1>Ops-Center Edge ${escapeHtml(version)}: API</h1>
<p>For programs: <a href="/api/docs/openapi.json">OpenAPI 3.1</a> (HTTP) and
<a href="/api/docs/asyncapi.json">AsyncAPI 3</a> (MQTT).</p>
<nav aria-label="Sections"><ul>
${tags.map((tag) => `<li><a href="#${slug(tag)}">${escapeHtml(tag)}</a></li>`).join('\n')}
<li><a href="#mqtt">MQTT channels</a></li>
<li><a href="#errors">errors</a></li>
</ul></nav>
</header>
<main>
${tags.map((tag) => tagSection(tag, routes)).join('\n')}
${mqttSection()}
${errorSection()}
</main>
</body>
</html>
`;
}

function tagSection(tag: string, routes: readonly (readonly [string, Route])[]): string {
  const own = routes.filter(([, route]) => route.tag === tag);
  return `<section aria-labelledby="${slug(tag)}">
<h2 id="${slug(tag)}">${escapeHtml(tag)}</h2>
${own.map(([name, route]) => operation(name, route)).join('\n')}
</section>`;
}

function operation(name: string, route: Route): string {
  const parts = [
    `<p>Proof of identity: ${AUTH_WORDS[route.auth]}. Policy: <code>${escapeHtml(route.action)}</code>.</p>`,
    part('Path', route.params),
    part('Query string', route.query),
    part('Body', route.body),
    route.body === undefined ? '' : example('Example body', route.body),
    `<h4>Answer ${route.status}</h4>`,
    route.response === undefined
      ? `<p>${escapeHtml(route.produces ?? 'No body.')}</p>`
      : `${fieldTable(asNode(route.response))}${example('Example answer', route.response)}`,
  ];
  return `<details id="${escapeHtml(name)}">
<summary><span class="method">${route.method}</span> <code>${escapeHtml(route.path)}</code>
<span class="summary">${escapeHtml(route.summary)}</span></summary>
${parts.filter((text) => text !== '').join('\n')}
</details>`;
}

const part = (title: string, schema: unknown): string =>
  schema === undefined ? '' : `<h4>${title}</h4>\n${fieldTable(asNode(schema))}`;

const example = (title: string, schema: unknown): string =>
  `<h5>${title}</h5>\n<pre tabindex="0"><code>${json(exampleOf(asNode(schema)))}</code></pre>`;

function mqttSection(): string {
  const rows = Object.entries<Channel>(CHANNELS).map(([name, channel]) => {
    const topic = `edge/v1/{org}/{device}/${channel.direction}/${name}`;
    return `<details id="mqtt-${slug(name)}">
<summary><span class="method">${channel.direction === 'up' ? 'device publishes' : 'device receives'}</span>
<code>${escapeHtml(topic)}</code> <span class="summary">${escapeHtml(channel.doc)}</span></summary>
<p>QoS ${channel.qos}${channel.retain ? ', retained' : ''}. JSON in UTF-8.</p>
${fieldTable(asNode(channel.payload))}
${example('Example', channel.payload)}
</details>`;
  });
  return `<section aria-labelledby="mqtt"><h2 id="mqtt">MQTT channels</h2>\n${rows.join('\n')}\n</section>`;
}

function errorSection(): string {
  const rows = Object.entries(ERRORS).map(
    ([code, { status, title }]) =>
      `<tr id="error-${escapeHtml(code)}"><td><code>${escapeHtml(code)}</code></td><td>${status}</td><td>${escapeHtml(title)}</td></tr>`,
  );
  return `<section aria-labelledby="errors"><h2 id="errors">errors</h2>
<p>Every error is problem+json (RFC 9457): type, title, status, code, instance, and where it helps detail and errors.</p>
<div class="table"><table><thead><tr><th scope="col">code</th><th scope="col">status</th><th scope="col">meaning</th></tr></thead>
<tbody>${rows.join('\n')}</tbody></table></div></section>`;
}

const slug = (text: string): string => text.toLowerCase().replace(/[^a-z0-9]+/g, '-');
/** Schemas of the contract are JSON Schema; the page reads the part of it that SchemaNode names. */
const asNode = (schema: unknown): SchemaNode => (typeof schema === 'object' && schema !== null ? schema : {});
