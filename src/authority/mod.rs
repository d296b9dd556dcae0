//! A certificate authority: [`Issuance`] signs and records, the functions around it read and write the files
//! of a PKI directory.

mod actor;
mod deployment;
mod inventory;
mod issuance;
mod material;
pub mod rotation;

pub use actor::{acting_for, process_actor, requested_by, set_program};
pub use deployment::{
    Ask, CERTIFICATE, CONFIG, CRL, CRL_DER, INVENTORY, ISSUER, KEY, SERVE, anchors, certificate_in,
    exists, is_key_encrypted, no_passphrase, once, open, read_certificates, read_config, read_key,
    read_key_in, require, valid_issuer, write, write_public,
};
pub use inventory::{
    STORE_VARIABLE, StorePlace, has_inventory, inventory_name, open_client_inventory,
    open_inventory, open_inventory_at, open_inventory_file, open_inventory_on, store_place,
};
pub use issuance::{Issuance, Issuing, Parts, Signing, pem_of, read_back, sign_root};
pub use material::{AuthorityAt, Material, Recording, Source};
