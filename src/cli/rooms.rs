//! Hands the settings out to the rooms: each has a `Config` of its own.

use super::serve::Config;
use super::settings::Settings;
use crate::http::target::Mode;
use crate::net::relay::RelayLimits;
use crate::{collapse, policy, proxy, server, store, upstream};

/// The settings of all rooms that serve.
pub(super) fn config(settings: &Settings) -> Config {
    Config {
        server: server(settings),
        upstream: upstream(settings),
        store: store(settings),
        proxy: proxy(settings),
    }
}

fn server(settings: &Settings) -> server::Config {
    server::Config {
        listen: settings.listen.clone(),
        max_head: settings.max_head,
        max_field: settings.max_field,
        max_fields: settings.max_fields,
        max_target: settings.max_target,
        first_byte_wait: settings.first_byte_wait,
        head_wait: settings.head_wait,
        idle_wait: settings.idle_wait,
        quiet_wait: settings.quiet_wait,
        body_stall_wait: settings.body_stall_wait,
        body_min_rate: settings.body_min_rate,
        body_rate_grace: settings.body_rate_grace,
        write_stall_wait: settings.write_stall_wait,
        max_connections: settings.max_connections,
        max_connections_per_client: settings.max_connections_per_client,
        drain_wait: settings.drain_wait,
    }
}

fn store(settings: &Settings) -> store::Config {
    store::Config {
        memory: settings.memory,
        max_object: settings.max_object,
        max_memory_object: settings.max_memory_object,
        disk: (settings.disk > 0).then(|| store::DiskConfig {
            dir: settings.cache_dir.clone(),
            budget: settings.disk,
            reset: settings.reset_cache,
            write_behind_rate: settings.write_behind_rate,
        }),
    }
}

fn upstream(settings: &Settings) -> upstream::Config {
    upstream::Config {
        connect_wait: settings.connect_wait,
        connect_total_wait: settings.connect_total_wait,
        response_wait: settings.response_wait,
        read_wait: settings.read_wait,
        idle_wait: settings.upstream_idle_wait,
        idle_per_origin: settings.idle_per_origin,
        idle_total: settings.idle_total,
        connections_per_origin: settings.connections_per_origin,
        queue_per_origin: settings.queue_per_origin,
        queue_wait: settings.queue_wait,
        max_head: settings.max_response_head,
        max_fields: settings.max_response_fields,
        dns_wait: settings.dns_wait,
        dns_negative: settings.dns_negative,
        dns_servers: settings.dns_servers.clone(),
        upstream_ca: settings.upstream_ca.clone(),
        hosts_file: settings.hosts_file.clone(),
    }
}

fn proxy(settings: &Settings) -> proxy::Config {
    let mode = match (&settings.origin, settings.gateway) {
        (Some(origin), _) => Mode::Origin(origin.clone()),
        (None, true) => Mode::Gateway,
        (None, false) => Mode::Forward,
    };
    proxy::Config {
        mode,
        access: proxy::AccessConfig {
            rules: settings.http_access.clone().into(),
            clients: settings.allow_clients.clone(),
            tunnel_ports: settings.tunnel_ports.clone(),
            ports: settings.ports.clone(),
            deny_private: settings.deny_private,
            users: settings.users.clone(),
        },
        tunnel: RelayLimits { idle: settings.tunnel_idle_wait, lifetime: settings.tunnel_lifetime },
        collapse: collapse::Config {
            wait: settings.collapse_wait,
            unshareable_memory: settings.unshareable_memory,
            unshareable_limit: settings.unshareable_limit,
        },
        policy: policy::reuse::Config {
            max_stale: settings.max_stale,
            error_lifetime: settings.error_lifetime,
            targets: policy::targeted::TargetList::new(settings.targeted_fields.iter().cloned()),
        },
        fill: proxy::FillConfig {
            spool_budget: settings.spool_budget,
            read_ahead: settings.read_ahead,
            slow_reader_wait: settings.slow_reader_wait,
            finish_within: settings.finish_within,
        },
        requests_in_flight: settings.requests_in_flight,
    }
}
