export { DecodeError, decodeImage } from './decode_image.js';
export {
  type ImageFolder,
  type ImageFolderOptions,
  imageFolder,
  type LabelledImage,
  type Split,
} from './image_folder.js';
export {
  type ImageBatch,
  type ImageSource,
  type ImageSourceOptions,
  imageSource,
  type SkippedImage,
} from './image_source.js';
export { loadModelFiles as loadModel, saveModelFiles as saveModel } from './model_files.js';
export { UserError } from './user_error.js';
