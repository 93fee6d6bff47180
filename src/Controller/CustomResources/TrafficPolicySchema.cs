using Culvert.Controller.Schema;
using Culvert.Core;

namespace Culvert.Controller.CustomResources;

/// <summary>TrafficPolicy.</summary>
internal static class TrafficPolicySchema
{
    /// <summary>The kind.</summary>
    public static CustomResource Resource { get; } = new("TrafficPolicy", "trafficpolicies")
    {
        ShortNames = ["cvtp"],
        Description = "How traffic to a Service of the policy's namespace is treated. What it says counts before the Service's annotations.",
        Spec = Nodes.Object(
            "The Service and what holds for it.",
            new SchemaField("targetRef", Nodes.Object(
                "The Service.",
                new SchemaField("kind", Nodes.OneOf("The kind.", "Service")) { IsRequired = true },
                new SchemaField("name", Nodes.Subdomain("Its name.")) { IsRequired = true }))
            {
                IsRequired = true,
            },
            new SchemaField("loadBalancing", Nodes.List("Who gets a new connection, or a new session of UDP. Ports that no entry names are balanced at random.", Balancing, 128)),
            new SchemaField("requestBalancing", RequestBalancing),
            new SchemaField("outlierDetection", Outliers),
            new SchemaField("healthCheck", HealthChecks),
            new SchemaField("circuitBreaker", Nodes.Object(
                "Holds back requests of HTTP to the Service before its backends have too many.",
                new SchemaField("maxRequests", Nodes.Number("Most requests that each node has running at once, to all backends of a port; more are answered 503.", 1, RequestSettings.MostRequestsAtOnce)) { Default = "no limit" },
                new SchemaField("maxConnections", Nodes.Number("Most connections that each node has to the backends of a port at once; more requests than go by them wait for one.", 1, RequestSettings.MostRequestsAtOnce)) { Default = "no limit" },
                new SchemaField("maxPendingRequests", Nodes.Number("Most requests of each node that wait at once for a connection, or for one to be made; more are answered 503.", 1, RequestSettings.MostRequestsAtOnce)) { Default = $"{RequestSettingsReader.DefaultPendingRequests} with maxConnections, or else no limit" }) with
            {
                Rules = [new("has(self.maxRequests) || has(self.maxConnections) || has(self.maxPendingRequests)", RequestSettingsReader.NoLimit, "whose `spec.circuitBreaker` has no limit")],
            }),
            new SchemaField("retryBudget", Nodes.Object(
                "How many of the requests of each node may be repetitions, counted over ten seconds; where there have been as many, the answer of the last try is the client's.",
                new SchemaField("percent", Nodes.Number("Repetitions for each hundred requests.", 0, 100)) { Default = $"{RequestSettingsReader.DefaultRetryPercent}" },
                new SchemaField("minPerSecond", Nodes.Number("Repetitions in each second besides.", 0, RetryBudget.MostPerSecond)) { Default = $"{RequestSettingsReader.DefaultRetriesPerSecond}" })),
            new SchemaField("hedging", Nodes.Object(
                "Sends a request of HTTP that has no answer yet to another backend too; whichever answers first is the client's. GET, HEAD and OPTIONS without a body only.",
                new SchemaField("delay", Nodes.Text("How long an answer is waited for before each further backend, 1ms to 60s.", Durations.GatewayPattern, Durations.MostCharacters) with
                {
                    Rules = [new("duration(self) >= duration('1ms') && duration(self) <= duration('60s')", HedgingReader.NotDelay, "whose `spec.hedging.delay` is not within 1ms..60s")],
                })
                { IsRequired = true },
                new SchemaField("maxTries", Nodes.Number("Most tries of one request in all, retries among them.", RequestHedging.LeastTries, RequestHedging.MostTries)) { Default = $"{RequestHedging.LeastTries}" })),
            new SchemaField("faultInjection", Faults),
            new SchemaField("responseCache", Nodes.Object(
                "Has responses of HTTP that say for how long they are good kept at the nodes of the Service's pods, which answer later requests with them.",
                new SchemaField("maxResponseBytes", Nodes.Number("Most bytes of a body that is kept.", 1, ResponseCaching.MostResponseBytes)) { Default = $"{ResponseCaching.DefaultResponseBytes}" },
                new SchemaField("paths", AuthorizationPolicySchema.Paths("The path of a request, without its query, is one of these.", ResponseCaching.MostPaths)) { Default = "every path" })),
            new SchemaField("proxyProtocol", Nodes.ProxyProtocol("Has PROXY protocol headers put in front of connections to the workloads behind the Service; ports are the Service's.")),
            new SchemaField("acceptProxyProtocol", Nodes.AcceptProxyProtocol("Ports of the Service whose workloads take PROXY protocol headers from load balancers."))) with
        {
            Rules =
            [
                new(
                    "has(self.loadBalancing) || has(self.requestBalancing) || has(self.outlierDetection) || has(self.healthCheck) || has(self.circuitBreaker) || has(self.retryBudget) || has(self.hedging) || has(self.faultInjection) || has(self.responseCache) || has(self.proxyProtocol) || has(self.acceptProxyProtocol)",
                    $"says nothing of its target; {TrafficPolicyReader.OneOfFields} is required",
                    "that says nothing of its target: it needs `loadBalancing`, `requestBalancing`, `outlierDetection`, `healthCheck`, `circuitBreaker`, `retryBudget`, `hedging`, `faultInjection`, `responseCache`, `proxyProtocol` or `acceptProxyProtocol`"),
                new(
                    "!has(self.loadBalancing) || self.loadBalancing.all(a, self.loadBalancing.exists_one(b, a.protocol == b.protocol && (has(a.port) ? has(b.port) && a.port == b.port : !has(b.port))))",
                    "loadBalancing names a port of a protocol twice",
                    "whose `spec.loadBalancing` names a port of a protocol twice"),
            ],
        },
        Columns = [new("Service", "string", ".spec.targetRef.name")],
        Example = """
            apiVersion: culvert.dev/v1alpha1
            kind: TrafficPolicy
            metadata:
              name: web
              namespace: shop
            spec:
              targetRef: {kind: Service, name: web}
              loadBalancing:
                - {protocol: TCP, mode: LEAST_CONNECTIONS}
                - {protocol: UDP, port: 53, mode: SOURCE_HASH}
              requestBalancing: {mode: HASH, header: x-user, cookie: {name: web-affinity, ttl: 1h}, slowStart: 30s, preferZone: true}
              outlierDetection: {consecutiveErrors: 3, baseEjectionTime: 10s, maxEjectionPercent: 100, fallback: {name: web-backup, port: 80}}
              healthCheck:
                http: {path: /healthz, expectedStatuses: [200, 204]}
                interval: 10s
                timeout: 1s
                unhealthyThreshold: 3
                healthyThreshold: 2
              circuitBreaker: {maxRequests: 500, maxConnections: 50, maxPendingRequests: 100}
              retryBudget: {percent: 25, minPerSecond: 5}
              hedging: {delay: 200ms, maxTries: 2}
              faultInjection:
                delay: {percent: 10, time: 2s}
                abort: {percent: 1, status: 503}
              responseCache: {maxResponseBytes: 32768, paths: ["/assets/*"]}
              proxyProtocol: {version: v2, ports: [80], tlvs: NONE}
              acceptProxyProtocol:
                - ports: [443]
                  from: [10.0.0.0/8]
            """,
    };

    private static SchemaNode Outliers => Nodes.Object(
        "Leaves backends out whose requests of HTTP fail one after the other: answered 500, 502, 503 or 504, too late or not at all. Each node counts by itself.",
        new SchemaField("consecutiveErrors", Nodes.Number("So many in a row.", 1, OutlierDetection.MostErrors)) { Default = $"{RequestSettingsReader.DefaultErrors}" },
        new SchemaField("baseEjectionTime", Nodes.Text("How long a backend is left out, 1s to 1h; so much longer each time that it fails again at once.", Durations.GatewayPattern, Durations.MostCharacters) with
        {
            Rules = [new("duration(self) >= duration('1s') && duration(self) <= duration('1h')", "must be within 1s..1h", "whose `spec.outlierDetection.baseEjectionTime` is not within 1s..1h")],
        })
        { Default = $"{RequestSettingsReader.DefaultEjectionSeconds}s" },
        new SchemaField("maxEjectionPercent", Nodes.Number("Most of the backends that may be left out at once. With less than 100 one at least is asked, also when all fail.", 1, 100)) { Default = $"{RequestSettingsReader.DefaultEjectionPercent}; 100 with a fallback" },
        new SchemaField("fallback", Nodes.Object(
            "Who is asked where all backends are left out, or there is none.",
            new SchemaField("name", Nodes.Subdomain("A Service of the policy's namespace.")) { IsRequired = true },
            new SchemaField("port", Nodes.Port("Its port.")) { IsRequired = true })));

    private static SchemaNode HealthChecks => Nodes.Object(
        "Asks backends whether they are well, from each node whose pods have sent requests of HTTP to the Service within ten minutes, and leaves those out that are not.",
        new SchemaField("http", Nodes.Object(
            "Sends a GET request.",
            new SchemaField("path", Nodes.Text("Its path, with a query or without one.", HealthCheckReader.PathPattern, HealthCheck.LongestPath)) { Default = "/" },
            new SchemaField("expectedStatuses", Nodes.List("The statuses of a backend that is well; of no other it is, redirections among them.", Nodes.Number("A status.", HealthCheck.LeastStatus, HealthCheck.MostStatus), HealthCheck.MostStatuses)) { Default = "200" }))
        { IsAlternative = true },
        new SchemaField("grpc", Nodes.Object(
            "Calls grpc.health.v1.Health/Check: a backend is well that says SERVING.",
            new SchemaField("service", Nodes.Text("The service that is asked about; empty: the server as a whole.", HealthCheckReader.ServicePattern, HealthCheck.LongestService)) { Default = "empty" }))
        { IsAlternative = true },
        new SchemaField("tcp", Nodes.Object("Makes a connection, and sends nothing.")) { IsAlternative = true },
        new SchemaField("interval", Nodes.Text("How often each node asks each backend, 1s to 1h.", Durations.GatewayPattern, Durations.MostCharacters) with
        {
            Rules = [new("duration(self) >= duration('1s') && duration(self) <= duration('1h')", HealthCheckReader.NotInterval, "whose `spec.healthCheck.interval` is not within 1s..1h")],
        })
        { Default = "10s" },
        new SchemaField("timeout", Nodes.Text("How long an answer may take, 10ms to 1m, and no longer than the interval.", Durations.GatewayPattern, Durations.MostCharacters) with
        {
            Rules = [new("duration(self) >= duration('10ms') && duration(self) <= duration('1m')", HealthCheckReader.NotTimeout, "whose `spec.healthCheck.timeout` is not within 10ms..1m")],
        })
        { Default = "1s" },
        new SchemaField("unhealthyThreshold", Nodes.Number("After so many failures in a row a backend is left out.", 1, HealthCheck.MostInARow)) { Default = $"{HealthCheck.DefaultUnhealthyThreshold}" },
        new SchemaField("healthyThreshold", Nodes.Number("After so many good answers in a row it is back.", 1, HealthCheck.MostInARow)) { Default = $"{HealthCheck.DefaultHealthyThreshold}" }) with
    {
        Rules =
        [
            new("(has(self.http) ? 1 : 0) + (has(self.grpc) ? 1 : 0) + (has(self.tcp) ? 1 : 0) == 1", HealthCheckReader.NotOneKind, "whose `spec.healthCheck` has none of `http`, `grpc` and `tcp`, or several"),
            new(
                "!has(self.timeout) || duration(self.timeout) <= (has(self.interval) ? duration(self.interval) : duration('10s'))",
                HealthCheckReader.TooSlow,
                "whose `spec.healthCheck.timeout` is longer than its `interval`"),
        ],
    };

    private static SchemaNode RequestBalancing => Nodes.Object(
        "Which backend gets a request of HTTP. Where it is not there, requests are balanced as `loadBalancing` says of connections.",
        new SchemaField("mode", Nodes.Words<RequestBalancingMode>("At random by weight, one after the other, of two drawn the one with fewer requests of this node or the one that answers sooner, or the same for the same header, cookie or client address.")) { IsRequired = true },
        new SchemaField("header", Nodes.Text("With HASH: the header whose value counts. Requests without it are balanced by the cookie, or at random.", RequestBalancingReader.NamePattern, Culvert.Core.RequestBalancing.MostNameCharacters) with
        {
            Rules = [new("!self.matches('^[cC][oO][oO][kK][iI][eE]$')", RequestBalancingReader.NotHeader, "whose `spec.requestBalancing.header` is `cookie`")],
        }),
        new SchemaField("cookie", Nodes.Object(
            "With HASH: the cookie whose value counts where there is no header.",
            new SchemaField("name", Nodes.Text("Its name.", RequestBalancingReader.NamePattern, Culvert.Core.RequestBalancing.MostNameCharacters) with
            {
                Rules = [new("!self.matches('^__([hH][oO][sS][tT]|[sS][eE][cC][uU][rR][eE])-')", RequestBalancingReader.NotCookie, "whose `spec.requestBalancing.cookie.name` begins with `__Host-` or `__Secure-`")],
            })
            { IsRequired = true },
            new SchemaField("ttl", Duration("How long clients keep the one that they are given when they have none, in whole seconds; 0s: until their browser ends.", "8760h", "requestBalancing.cookie.ttl", RequestBalancingReader.LifePattern))
            { Default = "clients are given none, and requests without it are balanced at random" })),
        new SchemaField("slowStart", Duration("How long a backend that is new, or was left out, gets less than its share.", "1h", "requestBalancing.slowStart")) { Default = "0s" },
        new SchemaField("preferZone", Nodes.Flag("Whether backends of the zone of the client's node (`topology.kubernetes.io/zone`) get its requests while enough of them are not left out.")) { Default = "false" });

    private static SchemaNode Faults => Nodes.Object(
        "Has requests of HTTP to the Service go wrong, so that its clients can be tried.",
        new SchemaField("delay", Nodes.Object(
            "Has requests wait before a backend gets them.",
            new SchemaField("percent", Nodes.Number("How many of a hundred.", 0, 100)) { IsRequired = true },
            new SchemaField("time", Duration("How long.", "10m", "faultInjection.delay.time")) { IsRequired = true })),
        new SchemaField("abort", Nodes.Object(
            "Has requests answered that no backend gets.",
            new SchemaField("percent", Nodes.Number("How many of a hundred.", 0, 100)) { IsRequired = true },
            new SchemaField("status", Nodes.Number("What with; to callers of gRPC it is what becomes of that status.", FaultInjection.LeastStatus, FaultInjection.MostStatus)) { Default = $"{FaultInjection.DefaultStatus}" })));

    private static SchemaNode Duration(string description, string most, string field, string pattern = Durations.GatewayPattern) => Nodes.Text(description, pattern, Durations.MostCharacters) with
    {
        Rules = [new($"duration(self) <= duration('{most}')", $"must be within 0s..{most}", $"whose `spec.{field}` is not within 0s..{most}")],
    };

    private static SchemaNode Balancing => Nodes.Object(
        "A port, or all ports of a protocol, and how it is balanced.",
        new SchemaField("protocol", Nodes.Words<TransportProtocol>("The protocol of the port.")) { IsRequired = true },
        new SchemaField("port", Nodes.Port("A port of the Service.")) { Default = "those of the protocol that no other entry names" },
        new SchemaField("mode", Nodes.Words<LoadBalancing>("At random by weight, one after the other, the one with the fewest connections (or sessions) of this node, or the same for the same client address.")) { IsRequired = true });
}
