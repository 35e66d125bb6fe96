// Imported for its effect: registers the gradients of TensorFlow.js's own kernels, which bare tfjs-core leaves out.
import './generated/tfjs-gradients.js';
