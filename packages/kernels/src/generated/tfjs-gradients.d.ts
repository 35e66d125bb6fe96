/** Importing this registers the gradients of TensorFlow.js's own operations. */
export {};
