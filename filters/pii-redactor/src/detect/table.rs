//! All kinds, in the order in which they win where two fit equally well.

use super::{Detector, contact, eu, money, person, secret, uk, us, world};

/// The detectors; the place of one is its number.
pub static DETECTORS: [Detector; COUNT] = TABLE;

const COUNT: usize = 145;

#[allow(clippy::large_const_arrays, reason = "`id` reads it while compiling")]
const TABLE: [Detector; COUNT] = [
    contact::email::DETECTOR,
    contact::phone::DETECTOR,
    contact::ip::DETECTOR,
    contact::mac::DETECTOR,
    contact::url::DETECTOR,
    contact::imei::DETECTOR,
    money::card::DETECTOR,
    money::iban::DETECTOR,
    money::bitcoin::DETECTOR,
    money::ethereum::DETECTOR,
    money::track::DETECTOR,
    money::cvv::DETECTOR,
    money::pin::DETECTOR,
    money::expiry::DETECTOR,
    money::aba::DETECTOR,
    money::us_bank::DETECTOR,
    money::bic::DETECTOR,
    secret::jwt::DETECTOR,
    secret::private_key::DETECTOR,
    secret::basic::DETECTOR,
    secret::url_password::DETECTOR,
    secret::aws_key::DETECTOR,
    secret::gcp_key::DETECTOR,
    secret::github::DETECTOR,
    secret::gitlab::DETECTOR,
    secret::slack::DETECTOR,
    secret::stripe::DETECTOR,
    secret::provider::DETECTOR,
    secret::password::DETECTOR,
    secret::api_key::DETECTOR,
    person::name::DETECTOR,
    person::street::DETECTOR,
    person::city::DETECTOR,
    person::postal_code::DETECTOR,
    person::date::DETECTOR,
    person::age::DETECTOR,
    person::geo::DETECTOR,
    person::medical_record::DETECTOR,
    person::health_plan::DETECTOR,
    person::account::DETECTOR,
    person::licence::DETECTOR,
    person::device::DETECTOR,
    person::online_id::DETECTOR,
    person::username::DETECTOR,
    person::health::DETECTOR,
    person::genetic::DETECTOR,
    person::biometric::DETECTOR,
    person::photo::DETECTOR,
    person::ethnicity::DETECTOR,
    person::religion::DETECTOR,
    person::politics::DETECTOR,
    person::union::DETECTOR,
    person::sex_life::DETECTOR,
    person::nationality::DETECTOR,
    person::message::DETECTOR,
    us::ssn::DETECTOR,
    us::itin::DETECTOR,
    us::passport::DETECTOR,
    us::driver_license::DETECTOR,
    us::npi::DETECTOR,
    us::mbi::DETECTOR,
    us::dea::DETECTOR,
    us::ein::DETECTOR,
    us::vin::DETECTOR,
    us::license_plate::DETECTOR,
    uk::nhs::DETECTOR,
    uk::nino::DETECTOR,
    uk::driving_licence::DETECTOR,
    uk::passport::DETECTOR,
    uk::postcode::DETECTOR,
    uk::vehicle::DETECTOR,
    world::ca_sin::DETECTOR,
    world::au_tfn::DETECTOR,
    world::au_abn::DETECTOR,
    world::au_acn::DETECTOR,
    world::au_medicare::DETECTOR,
    world::nz_ird::DETECTOR,
    world::in_aadhaar::DETECTOR,
    world::in_pan::DETECTOR,
    world::in_gstin::DETECTOR,
    world::in_voter::DETECTOR,
    world::in_passport::DETECTOR,
    world::in_vehicle::DETECTOR,
    world::sg_nric::DETECTOR,
    world::sg_uen::DETECTOR,
    world::cn_resident::DETECTOR,
    world::kr_rrn::DETECTOR,
    world::kr_frn::DETECTOR,
    world::kr_brn::DETECTOR,
    world::kr_driver::DETECTOR,
    world::kr_passport::DETECTOR,
    world::tr_id::DETECTOR,
    world::tr_plate::DETECTOR,
    world::th_tnin::DETECTOR,
    world::za_id::DETECTOR,
    world::ng_nin::DETECTOR,
    world::ng_vehicle::DETECTOR,
    world::ph_tin::DETECTOR,
    world::br_cpf::DETECTOR,
    world::br_cnpj::DETECTOR,
    eu::es_nif::DETECTOR,
    eu::es_nie::DETECTOR,
    eu::es_passport::DETECTOR,
    eu::it_fiscal_code::DETECTOR,
    eu::it_vat::DETECTOR,
    eu::it_documents::DETECTOR,
    eu::it_driver::DETECTOR,
    eu::it_passport::DETECTOR,
    eu::pl_pesel::DETECTOR,
    eu::fi_hetu::DETECTOR,
    eu::se_personnummer::DETECTOR,
    eu::se_organisation::DETECTOR,
    eu::de_tax_id::DETECTOR,
    eu::de_tax_number::DETECTOR,
    eu::de_social_security::DETECTOR,
    eu::de_health_insurance::DETECTOR,
    eu::de_id_card::DETECTOR,
    eu::de_passport::DETECTOR,
    eu::de_vat::DETECTOR,
    eu::de_lanr::DETECTOR,
    eu::de_bsnr::DETECTOR,
    eu::de_kfz::DETECTOR,
    eu::de_plz::DETECTOR,
    eu::de_handelsregister::DETECTOR,
    eu::de_fuehrerschein::DETECTOR,
    eu::nl_bsn::DETECTOR,
    eu::be_nrn::DETECTOR,
    eu::fr_nir::DETECTOR,
    eu::pt_nif::DETECTOR,
    eu::at_svnr::DETECTOR,
    eu::cz_rc::DETECTOR,
    eu::ro_cnp::DETECTOR,
    eu::bg_egn::DETECTOR,
    eu::gr_afm::DETECTOR,
    eu::gr_amka::DETECTOR,
    eu::ie_pps::DETECTOR,
    eu::lt_code::DETECTOR,
    eu::lv_code::DETECTOR,
    eu::ee_code::DETECTOR,
    eu::hr_oib::DETECTOR,
    eu::si_emso::DETECTOR,
    eu::dk_cpr::DETECTOR,
    eu::no_fnr::DETECTOR,
    eu::ch_ahv::DETECTOR,
    eu::hu_id::DETECTOR,
];

/// The number of the detector of this name; worked out by the compiler, which refuses a name that
/// does not exist.
#[allow(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::panic,
    reason = "runs while compiling"
)]
pub(crate) const fn id(name: &str) -> u8 {
    let wanted = name.as_bytes();
    let mut place = 0;
    while place < COUNT {
        let known = TABLE[place].name.as_bytes();
        let mut same = known.len() == wanted.len();
        let mut index = 0;
        while same && index < known.len() {
            same = known[index] == wanted[index];
            index += 1;
        }
        if same {
            return place as u8;
        }
        place += 1;
    }
    panic!("no such detector")
}
