export { type FolderStore, openFolderStore } from './node/folder-store.ts';
export {
  type HiddenStateCache,
  type HiddenStateCacheOptions,
  openHiddenStateCache,
} from './node/hidden-states/hidden-state-cache.ts';
export {
  type LoadedModel,
  type LoadOptions,
  loadFolderTokenizer,
  loadHuggingFaceFolder,
  loadLlama2c,
} from './node/load-folder.ts';
