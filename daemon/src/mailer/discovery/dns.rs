//! Questions to name servers. The answers are not authenticated: DNSSEC is not asked for, because hardly a domain has it
//! for mail, and a proposal that nobody confirmed is not used anyway.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{
    ConnectionConfig, NameServerConfig, ProtocolConfig, ResolverConfig, ResolverOpts,
};
use hickory_resolver::lookup::Lookup;
use hickory_resolver::net::NetError;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::rr::RData;

/// One question to one name server; it is asked twice.
const PATIENCE: Duration = Duration::from_secs(3);

/// Records of one name that are looked at.
const MOST: usize = 8;

/// A resolver for one lookup: nothing is kept.
#[derive(Clone)]
pub(super) struct Dns {
    resolver: TokioResolver,
    /// Of the settings; `None`: the system's.
    server: Option<SocketAddr>,
}

impl Dns {
    /// `server`: instead of the system's.
    pub(super) fn new(server: Option<SocketAddr>) -> Result<Self, String> {
        let failed = |error: NetError| format!("the name servers of this computer are not known: {error}");
        let mut builder = match server {
            None => TokioResolver::builder_tokio().map_err(failed)?,
            Some(server) => TokioResolver::builder_with_config(only(server), TokioRuntimeProvider::default()),
        };
        let options: &mut ResolverOpts = builder.options_mut();
        options.timeout = PATIENCE;
        options.attempts = 2;
        options.cache_size = 0;
        let resolver = builder.build().map_err(failed)?;
        Ok(Self { resolver, server })
    }

    /// Whether another server than the system's is asked.
    pub(super) fn is_special(&self) -> bool {
        self.server.is_some()
    }

    /// Host and port of an SRV name, best first.
    pub(super) async fn services(&self, name: &str) -> Result<Vec<(String, u16)>, String> {
        let answer = self.resolver.srv_lookup(format!("{name}.")).await.map_err(|error| why(&error))?;
        let mut records = Vec::new();
        for record in answer.answers() {
            if let RData::SRV(srv) = &record.data {
                let target = host(&srv.target.to_ascii());
                // RFC 2782: the root as the target says that there is decidedly no such service.
                if target.is_empty() {
                    return Err("the domain says that it has no such service".to_owned());
                }
                records.push((srv.priority, u16::MAX - srv.weight, target, srv.port));
            }
        }
        records.sort();
        let found: Vec<_> =
            records.into_iter().take(MOST).map(|(_, _, target, port)| (target, port)).collect();
        if found.is_empty() { Err("there is no such record".to_owned()) } else { Ok(found) }
    }

    /// Who takes mail for this domain, best first.
    pub(super) async fn exchangers(&self, domain: &str) -> Result<Vec<String>, String> {
        let answer = self.resolver.mx_lookup(format!("{domain}.")).await.map_err(|error| why(&error))?;
        let mut records: Vec<_> = mail_hosts(&answer).collect();
        records.sort();
        let found: Vec<_> = records.into_iter().take(MOST).map(|(_, host)| host).collect();
        // RFC 7505: the root as the only host says that there is no mail.
        if found.is_empty() { Err("the domain takes no mail".to_owned()) } else { Ok(found) }
    }

    /// Addresses of a host.
    pub(super) async fn addresses(&self, host: &str) -> Result<Vec<IpAddr>, String> {
        let answer = self.resolver.lookup_ip(format!("{host}.")).await.map_err(|error| why(&error))?;
        Ok(answer.iter().take(MOST).collect())
    }
}

fn only(server: SocketAddr) -> ResolverConfig {
    let connections = [ProtocolConfig::Udp, ProtocolConfig::Tcp].map(|protocol| {
        let mut connection = ConnectionConfig::new(protocol);
        connection.port = server.port();
        connection
    });
    let server = NameServerConfig::new(server.ip(), true, connections.into());
    ResolverConfig::from_parts(None, Vec::new(), vec![server])
}

fn mail_hosts(answer: &Lookup) -> impl Iterator<Item = (u16, String)> + '_ {
    answer
        .answers()
        .iter()
        .filter_map(|record| match &record.data {
            RData::MX(mx) => Some((mx.preference, host(&mx.exchange.to_ascii()))),
            _ => None,
        })
        .filter(|(_, host)| !host.is_empty())
}

/// Lower case, without the dot of the root.
fn host(name: &str) -> String {
    name.trim_end_matches('.').to_ascii_lowercase()
}

fn why(error: &NetError) -> String {
    if error.is_nx_domain() || error.is_no_records_found() {
        "there is no such record".to_owned()
    } else {
        format!("the name server could not be asked: {error}")
    }
}
