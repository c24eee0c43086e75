//! How tall and how heavy a person is, and how the heart beats, at any time.

use super::calendar::{MONTH, along, date};
use super::person::Person;
use crate::clock::{DAY, Millis};
use crate::persona::Persona;

/// Height in millimetres by age in months, about the middle of children.
const HEIGHT: &[(i64, i64)] = &[
    (0, 499),
    (3, 608),
    (6, 668),
    (9, 712),
    (12, 751),
    (18, 815),
    (24, 866),
    (36, 954),
    (48, 1026),
    (60, 1095),
    (72, 1157),
    (96, 1275),
    (120, 1385),
    (144, 1500),
    (192, 1690),
];

/// Weight in hundreds of grams by age in months, likewise.
const WEIGHT: &[(i64, i64)] = &[
    (0, 33),
    (3, 61),
    (6, 76),
    (9, 86),
    (12, 93),
    (18, 106),
    (24, 118),
    (36, 142),
    (48, 162),
    (60, 182),
    (72, 205),
    (96, 255),
    (120, 320),
    (144, 405),
    (192, 590),
];

/// Circumference of the head in millimetres by age in months, likewise.
const HEAD: &[(i64, i64)] = &[
    (0, 345),
    (3, 403),
    (6, 431),
    (9, 448),
    (12, 459),
    (18, 472),
    (24, 481),
    (36, 494),
];

/// Body mass index in tenths by time: heavy at first, less so since the heart attack.
const CHRONIC_BMI: &[(i64, i64)] = &[
    (date(2011, 1, 1), 338),
    (date(2014, 1, 1), 351),
    (date(2018, 3, 1), 346),
    (date(2019, 6, 1), 318),
    (date(2023, 1, 1), 309),
    (date(2026, 1, 1), 304),
];

/// What a scale, a measuring tape and a cuff would say.
#[derive(Debug, Clone, Copy)]
pub(super) struct Body {
    pub(super) height_mm: i64,
    pub(super) weight_hg: i64,
    pub(super) head_mm: i64,
    pub(super) fat_tenths: i64,
    pub(super) systolic: i64,
    pub(super) diastolic: i64,
    pub(super) resting_heart_rate: i64,
}

impl Body {
    /// Body mass index in tenths.
    pub(super) const fn bmi_tenths(&self) -> i64 {
        // kg/m² = hg/10 · 10⁶/mm²
        self.weight_hg * 1_000_000 / (self.height_mm * self.height_mm)
    }
}

impl Person {
    pub(super) fn body(&self, at: Millis) -> Body {
        let life = self.life();
        let mut own = self.numbers(&[b"body"]);
        let grown = if life.is_female {
            own.within(1580, 1740)
        } else {
            own.within(1700, 1880)
        };
        let lean = own.within(206, 232);
        let mut daily = self.numbers(&[b"body", &at.div_euclid(DAY).to_be_bytes()]);
        let sway = daily.within(-6, 6);
        let weight_at = |bmi_tenths: i64, height: i64| bmi_tenths * height * height / 1_000_000;
        match self.persona {
            Persona::Child => {
                let months = (at - life.born) / MONTH;
                let height = along(HEIGHT, months);
                Body {
                    height_mm: height + own.within(-8, 8),
                    weight_hg: along(WEIGHT, months) + sway / 5,
                    head_mm: along(HEAD, months),
                    fat_tenths: 180,
                    systolic: 94 + sway / 2,
                    diastolic: 56 + sway / 3,
                    resting_heart_rate: along(&[(0, 138), (24, 112), (60, 96), (120, 82)], months)
                        + sway,
                }
            }
            Persona::Chronic => Body {
                height_mm: grown,
                weight_hg: weight_at(along(CHRONIC_BMI, at), grown) + sway,
                head_mm: 0,
                fat_tenths: 362 + sway,
                systolic: along(
                    &[
                        (date(2011, 1, 1), 152),
                        (date(2018, 3, 1), 146),
                        (date(2019, 1, 1), 130),
                    ],
                    at,
                ) + sway
                    + daily.within(-5, 5),
                diastolic: along(
                    &[
                        (date(2011, 1, 1), 91),
                        (date(2018, 3, 1), 87),
                        (date(2019, 1, 1), 77),
                    ],
                    at,
                ) + sway / 2
                    + daily.within(-3, 3),
                resting_heart_rate: along(&[(date(2018, 3, 1), 84), (date(2018, 9, 1), 66)], at)
                    + sway / 2,
            },
            _ => Body {
                height_mm: grown,
                weight_hg: weight_at(lean, grown) + sway,
                head_mm: 0,
                fat_tenths: 148 + sway / 2,
                systolic: 112 + sway,
                diastolic: 68 + sway / 2,
                resting_heart_rate: 52 + sway / 2,
            },
        }
    }
}
