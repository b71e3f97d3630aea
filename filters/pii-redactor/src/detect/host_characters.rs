//! The ASCII characters that hosts are made of, in the other characters of Unicode that stand for them.
//!
//! Resolvers map the characters of a host before they look it up (UTS 46: NFKC and lower case, and some
//! are ignored), so `ⓛocalhost` is `localhost`.

use crate::bytes::Position as _;

/// Writes what a character becomes in a host; as it is if that is not ASCII.
pub(super) fn map(character: char, host: &mut Vec<u8>) {
    let code = u32::from(character);
    if let Ok(byte) = u8::try_from(code)
        && byte.is_ascii()
    {
        return host.push(byte.to_ascii_lowercase());
    }
    if is_ignored(code) {
        return;
    }
    let behind = SEQUENCES.partition_point(|(first, ..)| *first <= code);
    if let Some((first, length, ascii)) = SEQUENCES.get(behind.less(1))
        && let Ok(place) = u8::try_from(code.wrapping_sub(*first))
        && place < *length
    {
        return host.push(ascii.wrapping_add(place).to_ascii_lowercase());
    }
    if let Ok(place) = SEVERAL.binary_search_by_key(&code, |(known, _)| *known)
        && let Some((_, ascii)) = SEVERAL.get(place)
    {
        return host.extend_from_slice(ascii.as_bytes());
    }
    host.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
}

/// Characters that are not seen, and that hosts do not have.
const fn is_ignored(code: u32) -> bool {
    matches!(
        code,
        0xad | 0x34f
            | 0x61c
            | 0x115f
            | 0x1160
            | 0x17b4
            | 0x17b5
            | 0x180b..=0x180f
            | 0x200b..=0x200f
            | 0x202a..=0x202e
            | 0x2060..=0x206f
            | 0x3164
            | 0xfe00..=0xfe0f
            | 0xfeff
            | 0xffa0
            | 0xfff0..=0xfff8
            | 0x1_bca0..=0x1_bca3
            | 0x1_d173..=0x1_d17a
            | 0xe_0000..=0xe_0fff
    )
}

/// Sequences of characters: the first, how many they are, and what the first stands for.
#[rustfmt::skip]
#[allow(clippy::unreadable_literal, reason = "code points as they are written elsewhere")]
const SEQUENCES: [(u32, u8, u8); 198] = [
    (0xaa, 1, b'a'), (0xb2, 2, b'2'), (0xb9, 1, b'1'), (0xba, 1, b'o'), (0x17f, 1, b's'),
    (0x2b0, 1, b'h'), (0x2b2, 1, b'j'), (0x2b3, 1, b'r'), (0x2b7, 1, b'w'), (0x2b8, 1, b'y'),
    (0x2e1, 1, b'l'), (0x2e2, 1, b's'), (0x2e3, 1, b'x'), (0x37e, 1, b';'), (0x1d2c, 1, b'a'),
    (0x1d2e, 1, b'b'), (0x1d30, 2, b'd'), (0x1d33, 8, b'g'), (0x1d3c, 1, b'o'), (0x1d3e, 1, b'p'),
    (0x1d3f, 1, b'r'), (0x1d40, 2, b't'), (0x1d42, 1, b'w'), (0x1d43, 1, b'a'), (0x1d47, 1, b'b'),
    (0x1d48, 2, b'd'), (0x1d4d, 1, b'g'), (0x1d4f, 1, b'k'), (0x1d50, 1, b'm'), (0x1d52, 1, b'o'),
    (0x1d56, 1, b'p'), (0x1d57, 2, b't'), (0x1d5b, 1, b'v'), (0x1d62, 1, b'i'), (0x1d63, 1, b'r'),
    (0x1d64, 2, b'u'), (0x1d9c, 1, b'c'), (0x1da0, 1, b'f'), (0x1dbb, 1, b'z'), (0x1fef, 1, b'`'),
    (0x2024, 1, b'.'), (0x2070, 1, b'0'), (0x2071, 1, b'i'), (0x2074, 6, b'4'), (0x207a, 1, b'+'),
    (0x207c, 1, b'='), (0x207d, 2, b'('), (0x207f, 1, b'n'), (0x2080, 10, b'0'),
    (0x208a, 1, b'+'), (0x208c, 1, b'='), (0x208d, 2, b'('), (0x2090, 1, b'a'), (0x2091, 1, b'e'),
    (0x2092, 1, b'o'), (0x2093, 1, b'x'), (0x2095, 1, b'h'), (0x2096, 4, b'k'), (0x209a, 1, b'p'),
    (0x209b, 2, b's'), (0x2102, 1, b'c'), (0x210a, 2, b'g'), (0x210c, 1, b'h'), (0x210d, 1, b'h'),
    (0x210e, 1, b'h'), (0x2110, 1, b'i'), (0x2111, 1, b'i'), (0x2112, 1, b'l'), (0x2113, 1, b'l'),
    (0x2115, 1, b'n'), (0x2119, 3, b'p'), (0x211c, 1, b'r'), (0x211d, 1, b'r'), (0x2124, 1, b'z'),
    (0x2128, 1, b'z'), (0x212a, 1, b'k'), (0x212c, 2, b'b'), (0x212f, 1, b'e'), (0x2130, 2, b'e'),
    (0x2133, 1, b'm'), (0x2134, 1, b'o'), (0x2139, 1, b'i'), (0x2145, 1, b'd'), (0x2146, 2, b'd'),
    (0x2148, 2, b'i'), (0x2160, 1, b'i'), (0x2164, 1, b'v'), (0x2169, 1, b'x'), (0x216c, 1, b'l'),
    (0x216d, 2, b'c'), (0x216f, 1, b'm'), (0x2170, 1, b'i'), (0x2174, 1, b'v'), (0x2179, 1, b'x'),
    (0x217c, 1, b'l'), (0x217d, 2, b'c'), (0x217f, 1, b'm'), (0x2460, 9, b'1'),
    (0x24b6, 26, b'a'), (0x24d0, 26, b'a'), (0x24ea, 1, b'0'), (0x2c7c, 1, b'j'),
    (0x2c7d, 1, b'v'), (0x3002, 1, b'.'), (0xa7f1, 1, b's'), (0xa7f2, 1, b'c'), (0xa7f3, 1, b'f'),
    (0xa7f4, 1, b'q'), (0xfb29, 1, b'+'), (0xfe10, 1, b','), (0xfe13, 2, b':'), (0xfe15, 1, b'!'),
    (0xfe16, 1, b'?'), (0xfe33, 1, b'_'), (0xfe34, 1, b'_'), (0xfe35, 2, b'('), (0xfe37, 1, b'{'),
    (0xfe38, 1, b'}'), (0xfe47, 1, b'['), (0xfe48, 1, b']'), (0xfe4d, 1, b'_'), (0xfe4e, 1, b'_'),
    (0xfe4f, 1, b'_'), (0xfe50, 1, b','), (0xfe52, 1, b'.'), (0xfe54, 1, b';'), (0xfe55, 1, b':'),
    (0xfe56, 1, b'?'), (0xfe57, 1, b'!'), (0xfe59, 2, b'('), (0xfe5b, 1, b'{'), (0xfe5c, 1, b'}'),
    (0xfe5f, 1, b'#'), (0xfe60, 1, b'&'), (0xfe61, 2, b'*'), (0xfe63, 1, b'-'), (0xfe64, 1, b'<'),
    (0xfe65, 1, b'>'), (0xfe66, 1, b'='), (0xfe68, 1, b'\\'), (0xfe69, 2, b'$'),
    (0xfe6b, 1, b'@'), (0xff01, 94, b'!'), (0xff61, 1, b'.'), (0x107a5, 1, b'q'),
    (0x1ccd6, 26, b'a'), (0x1ccf0, 10, b'0'), (0x1d400, 26, b'a'), (0x1d41a, 26, b'a'),
    (0x1d434, 26, b'a'), (0x1d44e, 7, b'a'), (0x1d456, 18, b'i'), (0x1d468, 26, b'a'),
    (0x1d482, 26, b'a'), (0x1d49c, 1, b'a'), (0x1d49e, 2, b'c'), (0x1d4a2, 1, b'g'),
    (0x1d4a5, 2, b'j'), (0x1d4a9, 4, b'n'), (0x1d4ae, 8, b's'), (0x1d4b6, 4, b'a'),
    (0x1d4bb, 1, b'f'), (0x1d4bd, 7, b'h'), (0x1d4c5, 11, b'p'), (0x1d4d0, 26, b'a'),
    (0x1d4ea, 26, b'a'), (0x1d504, 2, b'a'), (0x1d507, 4, b'd'), (0x1d50d, 8, b'j'),
    (0x1d516, 7, b's'), (0x1d51e, 26, b'a'), (0x1d538, 2, b'a'), (0x1d53b, 4, b'd'),
    (0x1d540, 5, b'i'), (0x1d546, 1, b'o'), (0x1d54a, 7, b's'), (0x1d552, 26, b'a'),
    (0x1d56c, 26, b'a'), (0x1d586, 26, b'a'), (0x1d5a0, 26, b'a'), (0x1d5ba, 26, b'a'),
    (0x1d5d4, 26, b'a'), (0x1d5ee, 26, b'a'), (0x1d608, 26, b'a'), (0x1d622, 26, b'a'),
    (0x1d63c, 26, b'a'), (0x1d656, 26, b'a'), (0x1d670, 26, b'a'), (0x1d68a, 26, b'a'),
    (0x1d7ce, 10, b'0'), (0x1d7d8, 10, b'0'), (0x1d7e2, 10, b'0'), (0x1d7ec, 10, b'0'),
    (0x1d7f6, 10, b'0'), (0x1f12b, 1, b'c'), (0x1f12c, 1, b'r'), (0x1f130, 26, b'a'),
    (0x1fbf0, 10, b'0'),
];

/// Characters that stand for several.
#[rustfmt::skip]
#[allow(clippy::unreadable_literal, reason = "code points as they are written elsewhere")]
const SEVERAL: [(u32, &str); 222] = [
    (0xdf, "ss"), (0x132, "ij"), (0x133, "ij"), (0x1c7, "lj"), (0x1c8, "lj"), (0x1c9, "lj"),
    (0x1ca, "nj"), (0x1cb, "nj"), (0x1cc, "nj"), (0x1f1, "dz"), (0x1f2, "dz"), (0x1f3, "dz"),
    (0x1e9e, "ss"), (0x2025, ".."), (0x2026, "..."), (0x2047, "??"), (0x20a8, "rs"),
    (0x2100, "a/c"), (0x2101, "a/s"), (0x2105, "c/o"), (0x2106, "c/u"), (0x2116, "no"),
    (0x2120, "sm"), (0x2121, "tel"), (0x2122, "tm"), (0x213b, "fax"), (0x2161, "ii"),
    (0x2162, "iii"), (0x2163, "iv"), (0x2165, "vi"), (0x2166, "vii"), (0x2167, "viii"),
    (0x2168, "ix"), (0x216a, "xi"), (0x216b, "xii"), (0x2171, "ii"), (0x2172, "iii"),
    (0x2173, "iv"), (0x2175, "vi"), (0x2176, "vii"), (0x2177, "viii"), (0x2178, "ix"),
    (0x217a, "xi"), (0x217b, "xii"), (0x2469, "10"), (0x246a, "11"), (0x246b, "12"),
    (0x246c, "13"), (0x246d, "14"), (0x246e, "15"), (0x246f, "16"), (0x2470, "17"),
    (0x2471, "18"), (0x2472, "19"), (0x2473, "20"), (0x2488, "1."), (0x2489, "2."),
    (0x248a, "3."), (0x248b, "4."), (0x248c, "5."), (0x248d, "6."), (0x248e, "7."),
    (0x248f, "8."), (0x2490, "9."), (0x2491, "10."), (0x2492, "11."), (0x2493, "12."),
    (0x2494, "13."), (0x2495, "14."), (0x2496, "15."), (0x2497, "16."), (0x2498, "17."),
    (0x2499, "18."), (0x249a, "19."), (0x249b, "20."), (0x3250, "pte"), (0x3251, "21"),
    (0x3252, "22"), (0x3253, "23"), (0x3254, "24"), (0x3255, "25"), (0x3256, "26"),
    (0x3257, "27"), (0x3258, "28"), (0x3259, "29"), (0x325a, "30"), (0x325b, "31"),
    (0x325c, "32"), (0x325d, "33"), (0x325e, "34"), (0x325f, "35"), (0x32b1, "36"),
    (0x32b2, "37"), (0x32b3, "38"), (0x32b4, "39"), (0x32b5, "40"), (0x32b6, "41"),
    (0x32b7, "42"), (0x32b8, "43"), (0x32b9, "44"), (0x32ba, "45"), (0x32bb, "46"),
    (0x32bc, "47"), (0x32bd, "48"), (0x32be, "49"), (0x32bf, "50"), (0x32cc, "hg"),
    (0x32cd, "erg"), (0x32ce, "ev"), (0x32cf, "ltd"), (0x3371, "hpa"), (0x3372, "da"),
    (0x3373, "au"), (0x3374, "bar"), (0x3375, "ov"), (0x3376, "pc"), (0x3377, "dm"),
    (0x3378, "dm2"), (0x3379, "dm3"), (0x337a, "iu"), (0x3380, "pa"), (0x3381, "na"),
    (0x3383, "ma"), (0x3384, "ka"), (0x3385, "kb"), (0x3386, "mb"), (0x3387, "gb"),
    (0x3388, "cal"), (0x3389, "kcal"), (0x338a, "pf"), (0x338b, "nf"), (0x338e, "mg"),
    (0x338f, "kg"), (0x3390, "hz"), (0x3391, "khz"), (0x3392, "mhz"), (0x3393, "ghz"),
    (0x3394, "thz"), (0x3396, "ml"), (0x3397, "dl"), (0x3398, "kl"), (0x3399, "fm"),
    (0x339a, "nm"), (0x339c, "mm"), (0x339d, "cm"), (0x339e, "km"), (0x339f, "mm2"),
    (0x33a0, "cm2"), (0x33a1, "m2"), (0x33a2, "km2"), (0x33a3, "mm3"), (0x33a4, "cm3"),
    (0x33a5, "m3"), (0x33a6, "km3"), (0x33a9, "pa"), (0x33aa, "kpa"), (0x33ab, "mpa"),
    (0x33ac, "gpa"), (0x33ad, "rad"), (0x33b0, "ps"), (0x33b1, "ns"), (0x33b3, "ms"),
    (0x33b4, "pv"), (0x33b5, "nv"), (0x33b7, "mv"), (0x33b8, "kv"), (0x33b9, "mv"),
    (0x33ba, "pw"), (0x33bb, "nw"), (0x33bd, "mw"), (0x33be, "kw"), (0x33bf, "mw"),
    (0x33c2, "a.m."), (0x33c3, "bq"), (0x33c4, "cc"), (0x33c5, "cd"), (0x33c7, "co."),
    (0x33c8, "db"), (0x33c9, "gy"), (0x33ca, "ha"), (0x33cb, "hp"), (0x33cc, "in"),
    (0x33cd, "kk"), (0x33ce, "km"), (0x33cf, "kt"), (0x33d0, "lm"), (0x33d1, "ln"),
    (0x33d2, "log"), (0x33d3, "lx"), (0x33d4, "mb"), (0x33d5, "mil"), (0x33d6, "mol"),
    (0x33d7, "ph"), (0x33d8, "p.m."), (0x33d9, "ppm"), (0x33da, "pr"), (0x33db, "sr"),
    (0x33dc, "sv"), (0x33dd, "wb"), (0x33ff, "gal"), (0xfb00, "ff"), (0xfb01, "fi"),
    (0xfb02, "fl"), (0xfb03, "ffi"), (0xfb04, "ffl"), (0xfb05, "st"), (0xfb06, "st"),
    (0xfe19, "..."), (0xfe30, ".."), (0x1f100, "0."), (0x1f12d, "cd"), (0x1f12e, "wz"),
    (0x1f14a, "hv"), (0x1f14b, "mv"), (0x1f14c, "sd"), (0x1f14d, "ss"), (0x1f14e, "ppv"),
    (0x1f14f, "wc"), (0x1f16a, "mc"), (0x1f16b, "md"), (0x1f16c, "mr"), (0x1f190, "dj"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_in_order() {
        let ends = SEQUENCES.map(|(first, length, _)| (first, first + u32::from(length)));
        assert!(ends.is_sorted_by(|left, right| left.1 <= right.0));
        assert!(SEVERAL.is_sorted_by(|left, right| left.0 < right.0));
    }

    #[test]
    fn characters_of_one_host_are_mapped_to_it() {
        for spelled in [
            "LocalHost",
            "ⓛⓞⓒⓐⓛⓗⓞⓢⓣ",
            "loc\u{ad}al\u{200b}ho\u{2060}st",
            "localhoﬆ",
            "𝓵ocalhost",
            "ˡocalhoſt",
        ] {
            let mut host = Vec::new();
            spelled
                .chars()
                .for_each(|character| map(character, &mut host));
            assert_eq!(host, b"localhost", "{spelled}");
        }
    }
}
