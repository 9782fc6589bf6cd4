/** Tokens that their makers begin with a word of their own. Pure. Source: each vendor's documentation and secret scanners. */
import { ALNUM, DASH, DIGIT, DOT, endOfRun, isIn, isWordStart, LOWER, UPPER, WORD } from '../characters.ts';
import type { Detector } from '../detector.ts';

interface Prefix {
  readonly prefix: string;
  /** Classes of the characters after the prefix. */
  readonly body: number;
  /** Fewest characters after the prefix. */
  readonly least: number;
  /** Most; a longer run is something else. Unbounded where absent. */
  readonly most?: number;
  /** Also in the middle of a word: for prefixes that no word ends with. */
  readonly anywhere?: true;
}

interface Family {
  readonly name: string;
  readonly doc: string;
  readonly prefixes: readonly Prefix[];
}

const named = (prefixes: readonly string[], body: number, least: number, most?: number): Prefix[] =>
  prefixes.map((prefix) => ({ prefix, body, least, ...(most === undefined ? {} : { most }) }));
const anywhere = (prefixes: readonly string[], body: number, least: number): Prefix[] =>
  prefixes.map((prefix) => ({ prefix, body, least, anywhere: true }));

const FAMILIES: readonly Family[] = [
  {
    name: 'platform-token',
    doc: 'Registration tokens of this platform.',
    prefixes: anywhere(['oce_'], ALNUM | WORD, 32),
  },
  {
    name: 'aws-key',
    doc: 'Access key ids of AWS, and a secret access key that stands near one.',
    prefixes: named(['AKIA', 'ASIA', 'ABIA', 'ACCA'], UPPER | DIGIT, 16, 16),
  },
  {
    name: 'github-token',
    doc: 'Personal, application and fine-grained tokens of GitHub.',
    prefixes: [
      ...anywhere(['ghp_', 'gho_', 'ghu_', 'ghs_', 'ghr_'], ALNUM, 30),
      ...anywhere(['github_pat_'], WORD, 22),
    ],
  },
  {
    name: 'gitlab-token',
    doc: 'Personal, deploy, runner and job tokens of GitLab.',
    prefixes: anywhere(
      ['glpat-', 'gldt-', 'glrt-', 'glcbt-', 'glptt-', 'gloas-', 'glft-', 'glsoat-', 'glimt-', 'glagent-'],
      WORD | DOT,
      20,
    ),
  },
  {
    name: 'slack-token',
    doc: 'Tokens and webhook addresses of Slack.',
    prefixes: [
      ...anywhere(
        ['xoxb-', 'xoxp-', 'xoxa-', 'xoxr-', 'xoxs-', 'xoxe-', 'xoxo-', 'xoxe.'],
        ALNUM | DASH | DOT,
        10,
      ),
      ...anywhere(['xapp-'], ALNUM | DASH, 20),
      ...anywhere(['hooks.slack.com/services/'], WORD | 64, 20),
    ],
  },
  {
    name: 'stripe-key',
    doc: 'Secret and restricted keys and webhook secrets of Stripe.',
    prefixes: anywhere(['sk_live_', 'sk_test_', 'rk_live_', 'rk_test_', 'whsec_'], ALNUM, 16),
  },
  {
    name: 'google-key',
    doc: 'API keys, OAuth secrets and tokens of Google.',
    prefixes: [
      ...named(['AIza'], WORD, 35, 35),
      ...named(['GOCSPX-'], WORD, 24),
      ...named(['ya29.'], WORD | DOT, 20),
      ...named(['1//0'], WORD, 30),
    ],
  },
  {
    name: 'package-registry-token',
    doc: 'Tokens of npm, PyPI, RubyGems, Docker Hub.',
    prefixes: [
      ...named(['npm_'], ALNUM, 36, 36),
      ...named(['pypi-AgE'], WORD, 40),
      ...named(['rubygems_'], ALNUM, 48),
      ...named(['dckr_pat_', 'dckr_oat_'], WORD, 20),
    ],
  },
  {
    name: 'ai-key',
    doc: 'Keys of OpenAI, Anthropic, Hugging Face, NVIDIA, Replicate, Groq.',
    prefixes: [
      ...named(['sk-proj-', 'sk-ant-', 'sk-svcacct-', 'sk-or-v1-'], WORD, 20),
      ...named(['sk-'], ALNUM, 32),
      ...named(['hf_'], ALNUM, 30, 40),
      ...named(['nvapi-'], WORD, 40),
      ...named(['r8_'], ALNUM, 37, 37),
      ...named(['gsk_'], ALNUM, 40),
    ],
  },
  {
    name: 'vendor-token',
    doc: 'Keys of DigitalOcean, SendGrid, Vault, Grafana, Shopify, Linear, Databricks, Doppler, Tailscale and others.',
    prefixes: [
      ...named(['dop_v1_', 'doo_v1_', 'dor_v1_'], ALNUM, 40),
      ...named(['SG.'], WORD | DOT, 40),
      ...named(['hvs.', 'hvb.', 'hvr.'], WORD, 24),
      ...named(['glsa_', 'glc_'], WORD | 64, 32),
      ...named(['shpat_', 'shpca_', 'shppa_', 'shpss_'], ALNUM, 32),
      ...named(['lin_api_'], ALNUM, 32),
      ...named(['dapi'], LOWER | DIGIT, 32, 34),
      ...named(['dp.pt.', 'dp.st.', 'dp.ct.'], WORD | DOT, 40),
      ...named(['tskey-auth-', 'tskey-api-', 'tskey-client-'], WORD, 16),
      ...named(['NRAK-'], ALNUM, 27),
      ...named(['sntrys_', 'sntryu_'], WORD | 64, 40),
      ...named(['pscale_tkn_', 'pscale_pw_'], WORD | DOT, 30),
      ...named(['sbp_'], ALNUM, 40, 40),
      ...named(['ATATT3'], WORD, 40),
      ...named(['sq0atp-', 'sq0csp-'], WORD, 22),
      ...named(['AGE-SECRET-KEY-1'], UPPER | DIGIT, 50),
      ...named(['PMAK-'], ALNUM | DASH, 40),
      ...named(['key-'], LOWER | DIGIT, 32, 32),
    ],
  },
];

export const PREFIXED_TOKENS: readonly Detector[] = FAMILIES.map(detectorOf);

function detectorOf({ name, doc, prefixes }: Family): Detector {
  return {
    name,
    doc,
    anchors: prefixes.map(({ prefix }) => prefix.toLowerCase()),
    find(text, at, after, report) {
      const written = text.slice(at, after);
      const known = prefixes.find(({ prefix }) => prefix === written);
      if (known === undefined) return at;
      if (known.anywhere !== true && !isWordStart(text, at)) return at;
      const { least, most } = known;
      // A run that is longer than any token is walked only so far.
      const end = endOfRun(text, after, known.body, most === undefined ? text.length : after + most + 1);
      if (end - after < least || (most !== undefined && (end - after > most || isIn(text, end, ALNUM))))
        return at;
      report(at, end);
      return end;
    },
  };
}
