use super::*;

#[test]
fn lengths_and_integers() {
    assert_eq!(element(4, &[7; 3]), [4, 3, 7, 7, 7]);
    assert_eq!(element(4, &[0; 127])[..2], [4, 127]);
    assert_eq!(element(4, &[0; 128])[..3], [4, 0x81, 128]);
    assert_eq!(element(4, &[0; 300])[..4], [4, 0x82, 1, 44]);
    assert_eq!(unsigned_integer(&[0, 0, 1]), [2, 1, 1]);
    assert_eq!(unsigned_integer(&[0x80]), [2, 2, 0, 0x80]);
    assert_eq!(unsigned_integer(&[0, 0]), [2, 1, 0]);
    assert_eq!(unsigned_integer(&[]), [2, 1, 0]);
}
