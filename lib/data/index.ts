// The namespace `data`: every export is a member. Small pure functions over arrays.
export {Dataset} from './dataset.ts';
export {imageFolder} from './image-folder.ts';
export {oneHot} from './one-hot.ts';
export {padSequences, timeseriesDataset} from './sequences.ts';
export {trainTestSplit} from './split.ts';
export {standardize} from './standardize.ts';
