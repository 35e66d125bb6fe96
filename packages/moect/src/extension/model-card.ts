import { stringify } from 'yaml';
import { parseHubName } from '../hub/hub-name.ts';
import type { ExtensionConfigFile } from './extension-config.ts';

/** `swh_Latn` → `swh`, as model hubs list languages. */
const hubLanguage = (code: string): string => code.split(/[_-]/)[0]!;

/** A folder's name would be taken for a model of the hub. */
const isHubId = (id: string): boolean => parseHubName(id)?.repo === id;

function frontMatter(config: ExtensionConfigFile): string {
  const languages = [...new Set(config.languages.map(({ code }) => hubLanguage(code)))];
  const fields = {
    library_name: 'moect',
    ...(isHubId(config.base.id) && { base_model: config.base.id }),
    ...(languages.length > 0 && { language: languages }),
    ...(config.license !== null && { license: config.license }),
    tags: ['moect', config.method],
  };
  // readers of YAML 1.1, as hubs are, take a bare `no` for false and `1e3` for a number
  return stringify(fields, { version: '1.1' });
}

const listOf = (config: ExtensionConfigFile, role: 'old' | 'new'): string =>
  config.languages
    .filter((language) => language.role === role)
    .map(({ code }) => code)
    .join(', ') || 'none named';

/** The text of an extension's README.md, with the front matter that model hubs read. */
export function modelCard(name: string, config: ExtensionConfigFile): string {
  const { method, base, combine, parameters, ngrams, dtype } = config;
  return `---
${frontMatter(config)}---

# ${name}

An extension of the language model \`${base.id}\`, made with [moect](https://www.npmjs.com/package/moect). The base is
not in this folder and is not changed by it.

| | |
|---|---|
| method | \`${method}\`${config.preset === null ? '' : ` (preset \`${config.preset}\`)`} |
| new languages | ${listOf(config, 'new')} |
| old languages (replay) | ${listOf(config, 'old')} |
| parameters | ${parameters.toLocaleString('en-US')} (${dtype}) |${
    ngrams === undefined ? '' : `\n| counts of n-grams | ${ngrams.toLocaleString('en-US')} whole numbers |`
  }
| base parameters, SHA-256 | \`${base.sha256}\` |
| combined with the base by | \`${combine}\` |
| licence | ${config.license ?? 'not stated'} |

## Use

\`\`\`sh
npx moect generate --base BASE_FOLDER --extension THIS_FOLDER --prompt "…"
npx moect compare --base BASE_FOLDER --extension THIS_FOLDER --text CODE=FILE
\`\`\`

Another base than the one above is refused. \`moect_config.json\` has all settings${
    config.training === null ? '' : ', those of the training included'
  }.
`;
}
