/** Y, Cb or Cr. The caller writes this structure as consecutive int32. */
@unmanaged
export class Component {
  /** Blocks across and down in a unit: 2 where the other components have half as many samples. */
  across: i32;
  down: i32;
  /** Of samples that the image has, not of those that fill the last blocks. */
  width: i32;
  height: i32;
  /** `[8, 8]` int16: what the coefficients count. */
  quantisation: usize;
  /** Tables of codes, of first coefficients and of others. */
  dc: usize;
  ac: usize;
  /** `[units down · down · 8, stride]` samples */
  plane: usize;
  stride: i32;
  /** The first coefficient of the block before; 0 at first. */
  last: i32;
}
