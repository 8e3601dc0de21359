//! Every algorithm against sums written down as the definition has them, in double precision.

use super::*;
use crate::testing::{close, values};
use proptest::prelude::*;

/// Pre-activations by definition.
fn convolve(s: &ConvShape, x: &[f32], weight: &[f32], bias: &[f32]) -> Vec<f64> {
    let (oh, ow) = (s.out_h(), s.out_w());
    let mut out = vec![0.0; s.batch * s.cout * oh * ow];
    each_tap(s, |o, i, k| out[o] += f64::from(x[i]) * f64::from(weight[k]));
    for (o, y) in out.iter_mut().enumerate() {
        *y += f64::from(bias[o / (oh * ow) % s.cout]);
    }
    out
}

/// Visits (output, input, weight) indices of every product.
fn each_tap(s: &ConvShape, mut visit: impl FnMut(usize, usize, usize)) {
    let (oh, ow) = (s.out_h(), s.out_w());
    for b in 0..s.batch {
        for o in 0..s.cout {
            for oy in 0..oh {
                for ox in 0..ow {
                    for c in 0..s.cin {
                        for ky in 0..s.kh {
                            for kx in 0..s.kw {
                                let y = (oy * s.stride[0] + ky) as isize - s.padding[0] as isize;
                                let x = (ox * s.stride[1] + kx) as isize - s.padding[1] as isize;
                                if y < 0 || x < 0 || y as usize >= s.h || x as usize >= s.w {
                                    continue;
                                }
                                visit(
                                    ((b * s.cout + o) * oh + oy) * ow + ox,
                                    ((b * s.cin + c) * s.h + y as usize) * s.w + x as usize,
                                    ((o * s.cin + c) * s.kh + ky) * s.kw + kx,
                                );
                            }
                        }
                    }
                }
            }
        }
    }
}

fn check(algorithm: Algorithm, s: &ConvShape, finish: Finish) {
    let x = values(s.input_len(), 1);
    let weight = values(s.weight_len(), 2);
    let bias = values(s.cout, 3);
    let before = convolve(s, &x, &weight, &bias);
    let (oh, ow) = (s.out_h(), s.out_w());
    let [fh, fw] = s.finished(finish);

    let mut out = vec![f32::NAN; s.output_len(finish)];
    let mut choice = vec![9u8; out.len()];
    let conv = Conv2d { shape: *s, x: &x, weight: &weight };
    let target = match finish {
        Finish::Linear => Downstream::Linear(&mut out),
        Finish::Relu => Downstream::Relu(&mut out),
        Finish::ReluPool2 => Downstream::ReluPool2(&mut out, &mut choice),
    };
    conv.forward_by(algorithm, &bias, target);
    let want: Vec<f64> = match finish {
        Finish::Linear => before.clone(),
        Finish::Relu => before.iter().map(|y| y.max(0.0)).collect(),
        Finish::ReluPool2 => (0..out.len())
            .map(|i| {
                let (plane, y, x) = (i / (fh * fw), i / fw % fh, i % fw);
                let at = |dy, dx| before[(plane * oh + 2 * y + dy) * ow + 2 * x + dx];
                at(0, 0).max(at(0, 1)).max(at(1, 0)).max(at(1, 1)).max(0.0)
            })
            .collect(),
    };
    close(&format!("{algorithm:?} {finish:?} {s:?} out"), &out, &want);

    let dout = values(out.len(), 4);
    let mut dbefore = vec![0.0f64; before.len()];
    for (i, d) in dout.iter().enumerate() {
        match finish {
            Finish::Linear => dbefore[i] = f64::from(*d),
            Finish::Relu => dbefore[i] = if out[i] > 0.0 { f64::from(*d) } else { 0.0 },
            Finish::ReluPool2 => {
                let (plane, y, x) = (i / (fh * fw), i / fw % fh, i % fw);
                if choice[i] != DEAD {
                    let (dy, dx) = (choice[i] as usize / 2, choice[i] as usize % 2);
                    dbefore[(plane * oh + 2 * y + dy) * ow + 2 * x + dx] = f64::from(*d);
                }
            }
        }
    }
    let (mut wx, mut ww, mut wb) = (vec![0.0; x.len()], vec![0.0; weight.len()], vec![0.0; s.cout]);
    each_tap(s, |o, i, k| {
        wx[i] += dbefore[o] * f64::from(weight[k]);
        ww[k] += dbefore[o] * f64::from(x[i]);
    });
    for (o, d) in dbefore.iter().enumerate() {
        wb[o / (oh * ow) % s.cout] += d;
    }
    let upstream = match finish {
        Finish::Linear => Upstream::Linear(&dout),
        Finish::Relu => Upstream::Relu(&dout, &out),
        Finish::ReluPool2 => Upstream::ReluPool2(&dout, &choice),
    };
    for wanted in [true, false] {
        let mut dx = vec![f32::NAN; x.len()];
        let (mut dw, mut db) = (vec![f32::NAN; weight.len()], vec![f32::NAN; s.cout]);
        let grads = Gradients { x: wanted.then_some(&mut dx[..]), weight: &mut dw, bias: &mut db };
        conv.backward_by(algorithm, upstream, grads);
        if wanted {
            close(&format!("{algorithm:?} {finish:?} {s:?} dx"), &dx, &wx);
        }
        close(&format!("{algorithm:?} {finish:?} {s:?} dw"), &dw, &ww);
        close(&format!("{algorithm:?} {finish:?} {s:?} db"), &db, &wb);
    }
}

fn check_all(s: &ConvShape, finish: Finish) {
    let all = [Algorithm::Im2col, Algorithm::Direct, Algorithm::Winograd];
    all.into_iter().filter(|algorithm| algorithm.takes(s)).for_each(|algorithm| check(algorithm, s, finish));
}

#[test]
fn an_image_gives_the_same_bits_whatever_stands_beside_it() {
    for (side, k) in [4, 7, 8, 11, 14, 16].into_iter().flat_map(|side| [(side, 3), (side, 5)]) {
        let many = ConvShape {
            batch: 9,
            cin: 8,
            h: side,
            w: side,
            cout: 8,
            kh: k,
            kw: k,
            stride: [1, 1],
            padding: [k / 2; 2],
        };
        let (x, weight, bias) = (values(many.input_len(), 1), values(many.weight_len(), 2), values(8, 3));
        let forward = |s: &ConvShape, x: &[f32]| {
            let mut out = vec![f32::NAN; s.output_len(Finish::Linear)];
            Conv2d { shape: *s, x, weight: &weight }.forward_by(
                Algorithm::Winograd,
                &bias,
                Downstream::Linear(&mut out),
            );
            out
        };
        let together = forward(&many, &x);
        let one = ConvShape { batch: 1, ..many };
        for image in 0..many.batch {
            let alone = forward(&one, &x[image * one.input_len()..][..one.input_len()]);
            assert_eq!(alone, together[image * alone.len()..][..alone.len()], "image {image}, side {side}");
        }
    }
}

#[test]
fn the_shapes_of_the_shipped_models() {
    let shape = |batch, cin, side, cout, k, stride, padding| ConvShape {
        batch,
        cin,
        h: side,
        w: side,
        cout,
        kh: k,
        kw: k,
        stride: [stride; 2],
        padding: [padding; 2],
    };
    for finish in [Finish::Linear, Finish::Relu, Finish::ReluPool2] {
        check_all(&shape(2, 3, 32, 32, 3, 1, 0), finish);
        check_all(&shape(1, 32, 30, 64, 3, 1, 0), finish);
        check_all(&shape(2, 1, 28, 32, 5, 1, 2), finish);
        check_all(&shape(1, 16, 16, 24, 3, 1, 1), finish);
        check_all(&shape(1, 16, 16, 24, 3, 2, 1), finish);
        check_all(&shape(1, 16, 16, 24, 1, 2, 0), finish);
        check_all(&shape(1, 8, 44, 8, 3, 1, 1), finish);
        check_all(&shape(2, 12, 14, 16, 5, 1, 2), finish);
        check_all(&shape(2, 8, 16, 8, 5, 1, 2), finish);
        check_all(&shape(1, 8, 37, 8, 5, 1, 0), finish);
        // Planes of several images side by side: two, two with lanes to spare, four, eight, and fewer at the end.
        check_all(&shape(5, 8, 14, 12, 3, 1, 1), finish);
        check_all(&shape(3, 8, 12, 8, 3, 1, 1), finish);
        check_all(&shape(7, 12, 7, 8, 3, 1, 1), finish);
        check_all(&shape(4, 8, 8, 8, 3, 1, 2), finish);
        check_all(&shape(11, 8, 4, 8, 3, 1, 1), finish);
        check_all(&shape(5, 8, 7, 8, 5, 1, 2), finish);
        check_all(&shape(11, 8, 4, 12, 5, 1, 2), finish);
        check_all(&shape(9, 8, 5, 8, 5, 1, 0), finish);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn any_shape_agrees_with_the_definition(
        batch in 1usize..10, cin in 1usize..11, cout in 1usize..11,
        h in 1usize..14, w in 1usize..14, kh in 1usize..6, kw in 1usize..6,
        sh in 1usize..4, sw in 1usize..4, ph in 0usize..4, pw in 0usize..4,
        square in 0usize..3, finish in 0usize..3,
    ) {
        let (kh, kw, sh, sw) = [(3, 3, 1, 1), (5, 5, 1, 1), (kh, kw, sh, sw)][square];
        prop_assume!(h + 2 * ph >= kh && w + 2 * pw >= kw);
        let s = ConvShape { batch, cin, h, w, cout, kh, kw, stride: [sh, sw], padding: [ph, pw] };
        check_all(&s, [Finish::Linear, Finish::Relu, Finish::ReluPool2][finish]);
    }
}
