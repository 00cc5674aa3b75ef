//! The server of the double of CDO: started by COM under Wine, for the tests.

fn main() {
    #[cfg(windows)]
    faxpost_tests::cdo::serve();
    #[cfg(not(windows))]
    eprintln!("COM is a part of Windows");
}
