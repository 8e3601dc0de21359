//! Every algorithm against sums written down as the definition has them, in double precision.

use super::conv::{self, Algorithm, Conv2d, Finish, Gradients};
use super::linear::{self, Linear};
use super::planes::{DEAD, Upstream};
use super::product::Into;
use proptest::prelude::*;

/// Reproducible values in [-1, 1) without ties.
fn values(n: usize, salt: u64) -> Vec<f32> {
    let mut state = salt.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    (0..n)
        .map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 40) as f32 / (1u64 << 23) as f32 - 1.0
        })
        .collect()
}

/// Pre-activations by definition.
fn convolve(s: &Conv2d, x: &[f32], weight: &[f32], bias: &[f32]) -> Vec<f64> {
    let (oh, ow) = (s.out_h(), s.out_w());
    let mut out = vec![0.0; s.batch * s.cout * oh * ow];
    each_tap(s, |o, i, k| out[o] += f64::from(x[i]) * f64::from(weight[k]));
    for (o, y) in out.iter_mut().enumerate() {
        *y += f64::from(bias[o / (oh * ow) % s.cout]);
    }
    out
}

/// Visits (output, input, weight) indices of every product.
fn each_tap(s: &Conv2d, mut visit: impl FnMut(usize, usize, usize)) {
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

fn close(what: &str, got: &[f32], want: &[f64]) {
    assert_eq!(got.len(), want.len(), "{what}");
    let scale = want.iter().fold(1.0f64, |m, w| m.max(w.abs()));
    for (i, (g, w)) in got.iter().zip(want).enumerate() {
        assert!((f64::from(*g) - w).abs() <= 2e-5 * scale, "{what}[{i}]: got {g}, want {w}, scale {scale}");
    }
}

fn check(algorithm: Algorithm, s: &Conv2d, finish: Finish) {
    let x = values(s.input_len(), 1);
    let weight = values(s.weight_len(), 2);
    let bias = values(s.cout, 3);
    let before = convolve(s, &x, &weight, &bias);
    let (oh, ow) = (s.out_h(), s.out_w());
    let [fh, fw] = s.finished(finish);

    let mut out = vec![f32::NAN; s.output_len(finish)];
    let mut choice = vec![9u8; out.len()];
    conv::forward_by(algorithm, s, finish, &x, &weight, &bias, &mut out, &mut choice);
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
        conv::backward_by(algorithm, s, &x, &weight, upstream, grads);
        if wanted {
            close(&format!("{algorithm:?} {finish:?} {s:?} dx"), &dx, &wx);
        }
        close(&format!("{algorithm:?} {finish:?} {s:?} dw"), &dw, &ww);
        close(&format!("{algorithm:?} {finish:?} {s:?} db"), &db, &wb);
    }
}

fn check_all(s: &Conv2d, finish: Finish) {
    check(Algorithm::Im2col, s, finish);
    if s.stride == [1, 1] && s.padding[0] < s.kh && s.padding[1] < s.kw {
        check(Algorithm::Direct, s, finish);
        if (s.kh, s.kw) == (3, 3) {
            check(Algorithm::Winograd, s, finish);
        }
    }
}

#[test]
fn an_image_gives_the_same_bits_whatever_stands_beside_it() {
    for side in [4, 7, 8, 11, 14, 16] {
        let many =
            Conv2d { batch: 9, cin: 8, h: side, w: side, cout: 8, kh: 3, kw: 3, stride: [1, 1], padding: [1, 1] };
        let (x, weight, bias) = (values(many.input_len(), 1), values(many.weight_len(), 2), values(8, 3));
        let forward = |s: &Conv2d, x: &[f32]| {
            let mut out = vec![f32::NAN; s.output_len(Finish::Linear)];
            conv::forward_by(Algorithm::Winograd, s, Finish::Linear, x, &weight, &bias, &mut out, &mut []);
            out
        };
        let together = forward(&many, &x);
        let one = Conv2d { batch: 1, ..many };
        for image in 0..many.batch {
            let alone = forward(&one, &x[image * one.input_len()..][..one.input_len()]);
            assert_eq!(alone, together[image * alone.len()..][..alone.len()], "image {image}, side {side}");
        }
    }
}

#[test]
fn the_shapes_of_the_shipped_models() {
    let shape = |batch, cin, side, cout, k, stride, padding| Conv2d {
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
        // Planes of several images side by side: two, two with lanes to spare, four, eight, and fewer at the end.
        check_all(&shape(5, 8, 14, 12, 3, 1, 1), finish);
        check_all(&shape(3, 8, 12, 8, 3, 1, 1), finish);
        check_all(&shape(7, 12, 7, 8, 3, 1, 1), finish);
        check_all(&shape(4, 8, 8, 8, 3, 1, 2), finish);
        check_all(&shape(11, 8, 4, 8, 3, 1, 1), finish);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn any_shape_agrees_with_the_definition(
        batch in 1usize..10, cin in 1usize..11, cout in 1usize..11,
        h in 1usize..14, w in 1usize..14, kh in 1usize..6, kw in 1usize..6,
        sh in 1usize..4, sw in 1usize..4, ph in 0usize..4, pw in 0usize..4,
        square in any::<bool>(), finish in 0usize..3,
    ) {
        let (kh, kw, sh, sw) = if square { (3, 3, 1, 1) } else { (kh, kw, sh, sw) };
        prop_assume!(h + 2 * ph >= kh && w + 2 * pw >= kw);
        let s = Conv2d { batch, cin, h, w, cout, kh, kw, stride: [sh, sw], padding: [ph, pw] };
        check_all(&s, [Finish::Linear, Finish::Relu, Finish::ReluPool2][finish]);
    }

    #[test]
    fn a_dense_layer_agrees_with_the_definition(
        batch in 1usize..13, inputs in 1usize..150, outputs in 1usize..40, relu in any::<bool>(),
    ) {
        let s = Linear { batch, inputs, outputs };
        let (x, weight) = (values(batch * inputs, 5), values(inputs * outputs, 6));
        let (bias, dy) = (values(outputs, 7), values(batch * outputs, 8));
        let (mut wy, mut wx, mut ww) = (vec![0.0; dy.len()], vec![0.0; x.len()], vec![0.0; weight.len()]);
        for b in 0..batch {
            for o in 0..outputs {
                let y: f64 = (0..inputs).map(|i| f64::from(x[b * inputs + i]) * f64::from(weight[i * outputs + o])).sum();
                let y = y + f64::from(bias[o]);
                wy[b * outputs + o] = if relu { y.max(0.0) } else { y };
                let d = f64::from(dy[b * outputs + o]);
                for i in 0..inputs {
                    wx[b * inputs + i] += d * f64::from(weight[i * outputs + o]);
                    ww[i * outputs + o] += d * f64::from(x[b * inputs + i]);
                }
            }
        }
        let mut y = vec![f32::NAN; dy.len()];
        linear::forward(&s, relu, &x, &weight, &bias, &mut y);
        close("y", &y, &wy);
        let mut dx = vec![f32::NAN; x.len()];
        linear::input_gradient(&s, &weight, &dy, &mut dx);
        close("dx", &dx, &wx);
        let mut dw = vec![f32::NAN; weight.len()];
        linear::add_outer(&s, 1.0, Into::Set, &x, &dy, &mut dw);
        close("dw", &dw, &ww);
        let (mut stepped, mut dx) = (weight.clone(), vec![f32::NAN; x.len()]);
        linear::input_gradient_and_step(&s, -0.1, &x, &dy, &mut stepped, Some(&mut dx));
        close("dx with step", &dx, &wx);
        let want: Vec<f64> = weight.iter().zip(&ww).map(|(w, g)| f64::from(*w) - 0.1 * g).collect();
        close("step", &stepped, &want);
    }
}
