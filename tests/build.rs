//! The benches are linked as the daemon is: one of them is compared with it by its memory.

#[path = "../daemon/relocations.rs"]
mod relocations;

fn main() {
    println!("cargo:rerun-if-changed=../daemon/relocations.rs");
    relocations::pack("benches");
}
