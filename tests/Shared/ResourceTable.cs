namespace Culvert.Tests.Shared;

/// <summary>Good and bad objects that say more than one field.</summary>
internal static class ResourceTable
{
    private enum Verdict
    {
        Good,
        Bad,

        /// <summary>By a rule alone.</summary>
        Rule,

        /// <summary>By the controller alone.</summary>
        Status,

        /// <summary>By a name that is not known, which a server drops or refuses, as it is asked.</summary>
        Field,
    }

    private static readonly (string Kind, Verdict Verdict, string Spec, string? Rule)[] Rows =
    [
        ("MeshConfig", Verdict.Good, "{}", null),
        ("MeshConfig", Verdict.Good, "{certificate: {lifetime: 2s}}", null),
        ("MeshConfig", Verdict.Good, "{certificate: {lifetime: 2160h}}", null),
        ("MeshConfig", Verdict.Good, "{certificate: {lifetime: 1h30m10s500ms, jitter: 0}}", null),
        ("MeshConfig", Verdict.Rule, "{certificate: {lifetime: 1s}}", "must be within 2s..2160h"),
        ("MeshConfig", Verdict.Rule, "{certificate: {lifetime: 2161h}}", "must be within 2s..2160h"),
        ("MeshConfig", Verdict.Bad, "{certificate: {lifetime: 2 days}}", null),
        ("MeshConfig", Verdict.Bad, "{certificate: {lifetime: -2h}}", null),
        ("MeshConfig", Verdict.Bad, "{trustDomain: Example.org}", null),
        ("MeshConfig", Verdict.Bad, "{mtls: {}}", null),
        ("MeshConfig", Verdict.Bad, "{excludePorts: [\"80\"]}", null),
        ("MeshConfig", Verdict.Good, "{accessLog: {mode: ERRORS, format: TEXT, samplingPercent: 0.5, headers: [x-tenant]}}", null),
        ("MeshConfig", Verdict.Bad, "{accessLog: {samplingPercent: 101}}", null),
        ("MeshConfig", Verdict.Bad, "{accessLog: {headers: [X-Tenant]}}", null),
        ("MeshConfig", Verdict.Status, "{accessLog: {headers: [authorization]}}", null),
        ("MeshConfig", Verdict.Good, "{tracing: {mode: ENABLED, samplingPercent: 100, endpoint: 'https://collector.example.org/otlp/v1/traces'}}", null),
        ("MeshConfig", Verdict.Bad, "{tracing: {endpoint: 'grpc://collector:4317'}}", null),
        ("MeshConfig", Verdict.Status, "{tracing: {endpoint: 'http://user@collector'}}", null),
        ("MeshConfig", Verdict.Status, "{excludeCidrs: [10.0.0.1/8]}", null),
        ("MeshConfig", Verdict.Good, "{externalAuthorizers: [{name: opa, service: {name: opa, namespace: auth, port: 9191}, protocol: GRPC}]}", null),
        ("MeshConfig", Verdict.Bad, "{externalAuthorizers: [{name: opa, service: {name: opa, namespace: auth, port: 9191}}]}", null),
        ("MeshConfig", Verdict.Bad, "{externalAuthorizers: [{name: opa, service: {name: opa, namespace: auth}, protocol: HTTP}]}", null),
        ("MeshConfig", Verdict.Bad, "{externalAuthorizers: [{name: opa, service: {name: opa, namespace: auth, port: 1}, protocol: HTTP, pathPrefix: check}]}", null),
        ("MeshConfig", Verdict.Status, "{externalAuthorizers: [{name: opa, service: {name: opa, namespace: auth, port: 1}, protocol: HTTP, timeout: 31s}]}", null),
        ("MeshConfig", Verdict.Field, "{defaultAktion: DENY}", null),
        ("RateLimit", Verdict.Good, "{rules: [{rate: 1000000/s}, {rate: 1/h, burst: 1000000, by: IDENTITY, header: x-tenant}]}", null),
        ("RateLimit", Verdict.Bad, "{rules: [{rate: 0/s}]}", null),
        ("RateLimit", Verdict.Bad, "{rules: [{rate: 1/d}]}", null),
        ("RateLimit", Verdict.Bad, "{rules: [{burst: 3}]}", null),
        ("RateLimit", Verdict.Good, "{rules: [{rate: 10/s, burst: 100, delayAfter: 20}]}", null),
        ("RateLimit", Verdict.Bad, "{rules: [{rate: 10/s, delayAfter: 0}]}", null),
        ("RateLimit", Verdict.Status, "{rules: [{rate: 1/s, header: cookie}]}", null),
        ("RequestAuthentication", Verdict.Good, "{jwtRules: [{issuer: a, jwksUri: 'https://a/keys'}]}", null),
        ("RequestAuthentication", Verdict.Status, "{jwtRules: [{issuer: a}]}", null),
        ("RequestAuthentication", Verdict.Bad, "{jwtRules: [{issuer: a, jwksUri: 'file:///etc/passwd'}]}", null),
        ("RequestAuthentication", Verdict.Bad, "{jwtRules: [{issuer: a, jwksUri: 'https://a/keys', algorithms: [none]}]}", null),
        ("AuthorizationPolicy", Verdict.Good, "{action: ALLOW}", null),
        ("AuthorizationPolicy", Verdict.Good, "{action: DENY, selector: {}, rules: []}", null),
        ("AuthorizationPolicy", Verdict.Good, "{action: AUDIT, rules: [{}]}", null),
        ("AuthorizationPolicy", Verdict.Good, "{action: ALLOW, rules: [{from: [{identities: ['*', '*/sa/web', 'spiffe://example.org/*', 'example.org/ns/a/sa/b', 'spiffe://example.org']}]}]}", null),
        ("AuthorizationPolicy", Verdict.Good, "{action: ALLOW, rules: [{from: [{namespaces: ['*', 'shop-*', '*-prod', a]}]}]}", null),
        ("AuthorizationPolicy", Verdict.Good, "{action: ALLOW, rules: [{from: [{ipBlocks: [10.1.2.3, 0.0.0.0/0, '::/0', 'fd00::/8', '::ffff:10.0.0.1', 255.255.255.255/32]}]}]}", null),
        ("AuthorizationPolicy", Verdict.Good, "{action: CUSTOM, provider: {name: opa}, rules: [{}]}", null),
        ("AuthorizationPolicy", Verdict.Status, "{action: CUSTOM, rules: [{}]}", null),
        ("AuthorizationPolicy", Verdict.Bad, "{rules: []}", null),
        ("AuthorizationPolicy", Verdict.Bad, "{action: ALLOW, rules: [{from: [{}]}]}", null),
        ("AuthorizationPolicy", Verdict.Bad, "{action: ALLOW, rules: [{from: []}]}", null),
        ("AuthorizationPolicy", Verdict.Bad, "{action: ALLOW, rules: [{to: [{}]}]}", null),
        ("AuthorizationPolicy", Verdict.Bad, "{action: ALLOW, rules: [{from: [{identities: ['spiffe://a*b']}]}]}", null),
        ("AuthorizationPolicy", Verdict.Bad, "{action: ALLOW, rules: [{from: [{identities: ['*a*']}]}]}", null),
        ("AuthorizationPolicy", Verdict.Bad, "{action: ALLOW, rules: [{from: [{identities: ['https://a/*']}]}]}", null),
        ("AuthorizationPolicy", Verdict.Bad, "{action: ALLOW, rules: [{from: [{identities: ['spiffe://Example.org/a']}]}]}", null),
        ("AuthorizationPolicy", Verdict.Bad, "{action: ALLOW, rules: [{from: [{identities: ['spiffe://example.org/a/../b']}]}]}", null),
        ("AuthorizationPolicy", Verdict.Bad, "{action: ALLOW, rules: [{from: [{identities: ['spiffe://example.org//b']}]}]}", null),
        ("AuthorizationPolicy", Verdict.Bad, "{action: ALLOW, rules: [{from: [{identities: ['']}]}]}", null),
        ("AuthorizationPolicy", Verdict.Bad, "{action: ALLOW, rules: [{from: [{namespaces: ['Shop']}]}]}", null),
        ("AuthorizationPolicy", Verdict.Bad, "{action: ALLOW, rules: [{from: [{ipBlocks: [10.0.0.0/33]}]}]}", null),
        ("AuthorizationPolicy", Verdict.Bad, "{action: ALLOW, rules: [{from: [{ipBlocks: [256.0.0.1]}]}]}", null),
        ("AuthorizationPolicy", Verdict.Bad, "{action: ALLOW, rules: [{from: [{ipBlocks: ['10.1']}]}]}", null),
        ("AuthorizationPolicy", Verdict.Bad, "{action: ALLOW, rules: [{from: [{ipBlocks: ['fd00::/129']}]}]}", null),
        ("AuthorizationPolicy", Verdict.Bad, "{action: ALLOW, selector: {matchLabels: {app: 'not a value'}}}", null),
        ("AuthorizationPolicy", Verdict.Status, "{action: ALLOW, rules: [{from: [{ipBlocks: ['1:2:3']}]}]}", null),
        ("AuthorizationPolicy", Verdict.Good, "{action: ALLOW, rules: [{to: [{grpc: [{service: shop.v1.Cart, method: Get}, {service: _a}], notGrpc: [{service: a.b_1.C}], notPaths: [/a]}, {notGrpc: [{service: a}], methods: [PUT]}]}]}", null),
        ("AuthorizationPolicy", Verdict.Bad, "{action: ALLOW, rules: [{to: [{grpc: []}]}]}", null),
        ("AuthorizationPolicy", Verdict.Bad, "{action: ALLOW, rules: [{to: [{grpc: [{method: Get}]}]}]}", null),
        ("AuthorizationPolicy", Verdict.Bad, "{action: ALLOW, rules: [{to: [{grpc: [{service: a., method: Get}]}]}]}", null),
        ("AuthorizationPolicy", Verdict.Bad, "{action: ALLOW, rules: [{to: [{notGrpc: [{service: a, method: b.c}]}]}]}", null),
        ("AuthorizationPolicy", Verdict.Rule, "{action: ALLOW, rules: [{to: [{grpc: [{service: a}], methods: [POST]}]}]}", "grpc says of requests what methods and paths they have; it can't stand beside methods, notMethods or paths in one entry"),
        ("RateLimit", Verdict.Rule, "{rules: [{rate: 1/s, to: [{grpc: [{service: a}], paths: [/a]}]}]}", "grpc says of requests what methods and paths they have; it can't stand beside methods, notMethods or paths in one entry"),
        ("AuthorizationPolicy", Verdict.Field, "{action: ALLOW, rules: [{form: [{namespaces: [a]}]}]}", null),
        ("PeerAuthentication", Verdict.Good, "{mtls: {mode: STRICT}, selector: {matchLabels: {}}}", null),
        ("PeerAuthentication", Verdict.Bad, "{mtls: {}}", null),
        ("PeerAuthentication", Verdict.Bad, "{mtls: {mode: OFF}}", null),
        ("TrafficPolicy", Verdict.Good, "{targetRef: {kind: Service, name: a}, proxyProtocol: {version: v2}}", null),
        ("TrafficPolicy", Verdict.Good, "{targetRef: {kind: Service, name: a}, loadBalancing: [{protocol: TCP, mode: RANDOM}, {protocol: UDP, mode: RANDOM}, {protocol: TCP, port: 1, mode: RANDOM}, {protocol: UDP, port: 1, mode: RANDOM}]}", null),
        ("TrafficPolicy", Verdict.Good, "{targetRef: {kind: Service, name: a}, outlierDetection: {}, retryBudget: {percent: 0, minPerSecond: 0}}", null),
        ("TrafficPolicy", Verdict.Good, "{targetRef: {kind: Service, name: a}, outlierDetection: {baseEjectionTime: 1h}, circuitBreaker: {maxRequests: 1}}", null),
        ("TrafficPolicy", Verdict.Bad, "{targetRef: {kind: Service, name: a}, circuitBreaker: {}}", null),
        ("TrafficPolicy", Verdict.Bad, "{targetRef: {kind: Service, name: a}, circuitBreaker: {maxRequests: 0}}", null),
        ("TrafficPolicy", Verdict.Bad, "{targetRef: {kind: Service, name: a}, retryBudget: {percent: 101}}", null),
        ("TrafficPolicy", Verdict.Rule, "{targetRef: {kind: Service, name: a}, outlierDetection: {baseEjectionTime: 999ms}}", "must be within 1s..1h"),
        ("TrafficPolicy", Verdict.Rule, "{targetRef: {kind: Service, name: a}, outlierDetection: {baseEjectionTime: 1h1ms}}", "must be within 1s..1h"),
        ("TrafficPolicy", Verdict.Good, "{targetRef: {kind: Service, name: a}, requestBalancing: {mode: LEAST_TIME, slowStart: 1h}}", null),
        ("TrafficPolicy", Verdict.Good, "{targetRef: {kind: Service, name: a}, requestBalancing: {mode: HASH}}", null),
        ("TrafficPolicy", Verdict.Good, "{targetRef: {kind: Service, name: a}, requestBalancing: {mode: HASH, header: X-User}}", null),
        ("TrafficPolicy", Verdict.Good, "{targetRef: {kind: Service, name: a}, requestBalancing: {mode: HASH, cookie: {name: s, ttl: 8760h}}}", null),
        ("TrafficPolicy", Verdict.Bad, "{targetRef: {kind: Service, name: a}, requestBalancing: {}}", null),
        ("TrafficPolicy", Verdict.Bad, "{targetRef: {kind: Service, name: a}, requestBalancing: {mode: MAGLEV}}", null),
        ("TrafficPolicy", Verdict.Bad, "{targetRef: {kind: Service, name: a}, requestBalancing: {mode: HASH, header: 'a b'}}", null),
        ("TrafficPolicy", Verdict.Good, "{targetRef: {kind: Service, name: a}, requestBalancing: {mode: RANDOM, header: x-user}}", null),
        ("TrafficPolicy", Verdict.Good, "{targetRef: {kind: Service, name: a}, requestBalancing: {mode: HASH, header: x-user, cookie: {name: s}}}", null),
        ("TrafficPolicy", Verdict.Good, "{targetRef: {kind: Service, name: a}, requestBalancing: {mode: HASH, slowStart: 1s}}", null),
        ("TrafficPolicy", Verdict.Rule, "{targetRef: {kind: Service, name: a}, requestBalancing: {mode: RANDOM, slowStart: 1h1s}}", "must be within 0s..1h"),
        ("TrafficPolicy", Verdict.Rule, "{targetRef: {kind: Service, name: a}, requestBalancing: {mode: HASH, cookie: {name: s, ttl: 8761h}}}", "must be within 0s..8760h"),
        ("TrafficPolicy", Verdict.Good, "{targetRef: {kind: Service, name: a}, outlierDetection: {fallback: {name: b, port: 1}}}", null),
        ("TrafficPolicy", Verdict.Bad, "{targetRef: {kind: Service, name: a}, outlierDetection: {fallback: {name: b}}}", null),
        ("TrafficPolicy", Verdict.Good, "{targetRef: {kind: Service, name: a}, faultInjection: {delay: {percent: 100, time: 10m}, abort: {percent: 0}}}", null),
        ("TrafficPolicy", Verdict.Bad, "{targetRef: {kind: Service, name: a}, faultInjection: {delay: {percent: 1}}}", null),
        ("TrafficPolicy", Verdict.Bad, "{targetRef: {kind: Service, name: a}, faultInjection: {abort: {percent: 1, status: 200}}}", null),
        ("TrafficPolicy", Verdict.Rule, "{targetRef: {kind: Service, name: a}, faultInjection: {delay: {percent: 1, time: 10m1s}}}", "must be within 0s..10m"),
        ("TrafficPolicy", Verdict.Bad, "{targetRef: {kind: Deployment, name: a}, proxyProtocol: {version: v2}}", null),
        ("TrafficPolicy", Verdict.Field, "{targetRef: {group: apps, kind: Service, name: a}, proxyProtocol: {version: v2}}", null),
        ("TrafficPolicy", Verdict.Rule, "{targetRef: {kind: Service, name: a}}", "says nothing of its target; loadBalancing, requestBalancing, outlierDetection, circuitBreaker, retryBudget, faultInjection, proxyProtocol or acceptProxyProtocol is required"),
        ("TrafficPolicy", Verdict.Rule, "{targetRef: {kind: Service, name: a}, loadBalancing: [{protocol: TCP, mode: RANDOM}, {protocol: TCP, mode: SOURCE_HASH}]}", "loadBalancing names a port of a protocol twice"),
        ("TrafficPolicy", Verdict.Rule, "{targetRef: {kind: Service, name: a}, loadBalancing: [{protocol: UDP, port: 5, mode: RANDOM}, {protocol: UDP, port: 5, mode: RANDOM}]}", "loadBalancing names a port of a protocol twice"),
        ("Workload", Verdict.Good, "{node: a, addresses: [10.0.0.1]}", null),
        ("Workload", Verdict.Good, "{node: a.b-c, addresses: ['fd00::1'], hostNetwork: true, enrolled: false, interface: eth0.1, networkNamespace: /run/netns/a}", null),
        ("Workload", Verdict.Good, "{node: a, addresses: [10.0.0.1], ports: [{name: a, port: 1}, {name: b, port: 1, protocol: UDP}], proxyProtocol: {version: v2, ports: [80, '81', 53/UDP, 80/udp]}}", null),
        ("Workload", Verdict.Rule, "{node: a, addresses: [10.0.0.1], hostNetwork: true, enrolled: true}", "a workload of its node's network (hostNetwork) can't be enrolled"),
        ("Workload", Verdict.Bad, "{addresses: [10.0.0.1]}", null),
        ("Workload", Verdict.Bad, "{node: Node_1, addresses: [10.0.0.1]}", null),
        ("Workload", Verdict.Bad, "{node: a, addresses: [10.0.0.256]}", null),
        ("Workload", Verdict.Bad, "{node: a, addresses: [10.0.0.0/8]}", null),
        ("Workload", Verdict.Bad, "{node: a, addresses: [10.0.0.1], interface: a/b}", null),
        ("Workload", Verdict.Bad, "{node: a, addresses: [10.0.0.1], interface: ..}", null),
        ("Workload", Verdict.Bad, "{node: a, addresses: [10.0.0.1], networkNamespace: a/b}", null),
        ("Workload", Verdict.Bad, "{node: a, addresses: [10.0.0.1], networkNamespace: .}", null),
        ("Workload", Verdict.Bad, "{node: a, addresses: [10.0.0.1], proxyProtocol: {version: v2, ports: [80/sctp]}}", null),
        ("Workload", Verdict.Bad, "{node: a, addresses: [10.0.0.1], proxyProtocol: {version: v2, ports: ['0']}}", null),
        ("Workload", Verdict.Bad, "{node: a, addresses: [10.0.0.1], acceptProxyProtocol: [{ports: [80]}]}", null),
        ("Workload", Verdict.Status, "{node: a, addresses: [127.0.0.1]}", null),
        ("Workload", Verdict.Status, "{node: a, addresses: ['fd00::1', 'fd00:0::1']}", null),
        ("Workload", Verdict.Status, "{node: a, addresses: [10.0.0.1], proxyProtocol: {version: v2, ports: [80, 80/tcp]}}", null),
        ("Workload", Verdict.Status, "{node: a, addresses: [10.0.0.1], proxyProtocol: {version: v2, ports: ['70000']}}", null),
    ];

    /// <summary>Those of a kind.</summary>
    internal static IEnumerable<ResourceSample> Of(string kind)
    {
        foreach ((string of, Verdict verdict, string spec, string? rule) in Rows.Where(r => r.Kind == kind))
        {
            string name = kind == "MeshConfig" ? "{name: default}" : "{name: a, namespace: shop}";
            yield return new(spec, ResourceSamples.Parse($"apiVersion: culvert.dev/v1alpha1\nkind: {of}\nmetadata: {name}\nspec: {spec}\n"), verdict == Verdict.Good)
            {
                BreaksRule = rule,
                IsForStatusOnly = verdict == Verdict.Status,
                HasUnknownField = verdict == Verdict.Field,
            };
        }
        if (kind == "MeshConfig") yield return new("another name", ResourceSamples.Parse("apiVersion: culvert.dev/v1alpha1\nkind: MeshConfig\nmetadata: {name: other}\nspec: {}\n"), false);
    }
}
