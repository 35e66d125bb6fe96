// npm run get:swahili [-- DIR]
// Fetches Swahili text with a free licence: the messages of Kolibri, a platform for learning (Learning Equality and
// contributors, MIT), translated by people, out of a wheel of the Python package index. Nothing but npm is needed. DIR is
// .cache/swahili of the checkout by default. Files that are there and right are kept; a download that was interrupted goes on.
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { exitCodeOf } from '../src/cli/exit-codes.ts';
import { fetchProgress } from '../src/cli/fetch-progress.ts';
import { errorText } from '../src/cli/print-error.ts';
import { getUnlessThere } from './get-from-wheel.ts';

const KOLIBRI = {
  project: 'kolibri',
  wheel: 'kolibri-0.19.5-py2.py3-none-any.whl',
  wheelSha256: 'dc4c187d29a80037594c2dadd1cbc862cb4b8b76166bfd4084314f8ab2bc6221',
};
const LICENCE =
  'Kolibri 0.19.5, Swahili messages: MIT, copyright 2021 Learning Equality and other contributors.';

/** The larger files of messages, each with its SHA-256. */
const FILES: Readonly<Record<string, string>> = {
  'core.default_frontend': '6c5f3ebaa8990121701c5230050ebab0476a525d9d77b683c5bd738ffa31c2d9',
  'plugins.coach.app': '48ad2d565b992ac708e39c9b842fd758a548360c1e139cbaac4ff6841fedee55',
  'plugins.coach.side_nav': '4f36591285b5d16cebfdf88b82d1d4ad051e0a7466956f293eb59c2629dfe9a2',
  'plugins.device.app': '861c50beed40d702ac6acf68a5ff855f3a19b257ba3ce593bd7a9be04a1bf3db',
  'plugins.facility.app': '1b4d9dbcaa931b15d7904b1f66316ce3bf9d325d0aad368072f5809210771b22',
  'plugins.learn.app': '1413d8a0f5a5296e94398532be83f987827fc551186978b073acdd9f3554beba',
  'plugins.perseus_viewer.main': '677e81b32986ccc0efa1b9fe558e58798662f1b09e5fb6e929aa4fc8da8516c8',
  'plugins.policies.app': 'e5a3bf1c95aa77b3e91ab594743917f1183a5c4a5ddd59f4e08afcc0e2127999',
  'plugins.setup_wizard.app': '41a5b19f8a06b8c4a92c66a54e8014fb5fd2ffade950d15e06ddf7551acb6690',
  'plugins.user_auth.app': '38716dcd668a6d9798f85f12ad9434e5bc9ae41e94f31e16266196330c7999af',
  'plugins.user_profile.app': '4b3fa8502400a49e46b261124dbd848edf0bd0adc6bdba982413e335d3708a88',
};

const root = fileURLToPath(new URL('../../..', import.meta.url));
const folder = resolve(process.env['INIT_CWD'] ?? '.', process.argv[2] ?? join(root, '.cache/swahili'));
const members = Object.entries(FILES).map(([name, sha256]) => {
  const member = `kolibri/locale/sw_TZ/LC_MESSAGES/kolibri.${name}-messages.json`;
  return { member, sha256, file: join(folder, `${name}.json`) };
});

try {
  const onProgress = fetchProgress({ progress: process.stderr }, 'Kolibri');
  await getUnlessThere({ ...KOLIBRI, members, onProgress });
  process.stderr.write(`${LICENCE}\n`);
  process.stdout.write(`${folder}\n`);
} catch (error) {
  process.stderr.write(`get:swahili: ${errorText(error)}\n`);
  process.exitCode = exitCodeOf(error);
}
