import * as tf from '@tensorflow/tfjs-core';
import type { TensorflowBackend } from './kernel.js';

/** Of all attributes that tfjs-node 4.22 gives to ops. */
export const attributeNames: readonly string[] =
  `DstT Index N SrcT T TI T_threshold Taxis Tblock_shape Tcomplex Tcrops Tidx Tindices Tlen Tmultiples Tnumsegments Tout
  Tpaddings Tparams Tperm Truncate Tshape acceptable_fraction adj_x adj_y align_corners alpha axis batch_dims begin_mask
  beta bias block_size channels chroma_downsampling compression container data_format dct_method density_unit
  depth_radius dilations ellipsis_mask end_mask epsilon equation exclusive explicit_paddings extrapolation_value
  fancy_upscaling format half_pixel_centers index_type is_training keep_dims ksize method mode new_axis_mask num num_split
  optimize_size out_idx output_dtype output_type pad_to_max_output_size padding pattern progressive quality rates ratio
  replace_global reverse rewrite seed seed2 shared_name shrink_axis_mask sorted strides try_recover_truncated
  use_cudnn_on_gpu validate_indices x_density xmp_metadata y_density`.split(/\s+/);

/**
 * To be called before several threads use tfjs-node. It puts each name of an attribute that it meets into a
 * set of the whole process, without a lock: two threads that meet a new one at once could break it.
 */
export function meetAllAttributes(): void {
  for (const name of attributeNames) meet(name);
}

/** An attribute of no type is an error, and met all the same. */
function meet(name: string): void {
  const backend = tf.backend() as unknown as TensorflowBackend;
  try {
    backend.executeMultipleOutputs('NoOp', [{ name, type: -1, value: 0 }], [], 0);
  } catch {}
}
