using Culvert.Controller.Objects;
using Culvert.Controller.Schema;
using Culvert.Core;

namespace Culvert.Controller.CustomResources;

/// <summary>MeshConfig.</summary>
internal static class MeshConfigSchema
{
    /// <summary>The kind.</summary>
    public static CustomResource Resource { get; } = new("MeshConfig", "meshconfigs")
    {
        ShortNames = ["cvmc"],
        IsClusterScoped = true,
        OnlyName = MeshConfigObject.OnlyName,
        Description = "The settings of the mesh. There is one, named default.",
        Spec = Nodes.Object(
            "The settings; those that are left out have their defaults.",
            new SchemaField("trustDomain", Nodes.Text("The trust domain of all identities of the mesh.", "^[a-z0-9._-]+$", SpiffeId.MaxTrustDomainLength)) { Default = MeshSettingsDefaults.TrustDomain },
            new SchemaField("defaultAction", Nodes.Words<DefaultAction>("What becomes of connections that no policy speaks of.")) { Default = "ALLOW" },
            new SchemaField("mtls", Nodes.Mtls("Mutual TLS, where no PeerAuthentication says another mode.")) { Default = "PERMISSIVE" },
            new SchemaField("excludeCidrs", Nodes.Prefixes("Addresses that the mesh leaves alone: plaintext, without identity and without policy.")),
            new SchemaField("excludePorts", Nodes.Ports("Destination ports that the mesh leaves alone.")),
            new SchemaField("networkPolicy", Nodes.Words<NetworkPolicyMode>("Whether what NetworkPolicies do not allow is refused, or let through and shown.")) { Default = "ENFORCE" },
            new SchemaField("directPath", Nodes.Words<DirectPath>("How packets go between workloads of one node: straight into the other's interface (REDIRECT), by the node's own forwarding (HOST_STACK), or straight where nothing is passed by so (AUTO).")) { Default = "AUTO" },
            new SchemaField("tunnelSource", Nodes.Words<TunnelSource>("From which address nodes open tunnels for their workloads: their own (NODE), the workload's (POD), or the workload's where routing rules of the node are about single workloads (AUTO).")) { Default = "AUTO" },
            new SchemaField("icmpEcho", Nodes.Words<DefaultAction>("Echo requests to workloads.")) { Default = "ALLOW" },
            new SchemaField("forwardClientCert", Nodes.Words<ForwardClientCert>("Whether requests of HTTP have the client's identity in x-forwarded-client-cert, and clients' own such headers are removed. All ports of HTTP are read by the proxy then, also on one node.")) { Default = "OFF" },
            new SchemaField("workloadNamespaces", Nodes.List("The namespaces of a cluster whose Workloads count, besides culvert-system: whoever writes one says which addresses, and which interface of a node, are its own.", Nodes.Label("A namespace."), Nodes.MostConditions)),
            new SchemaField("externalAuthorizers", Nodes.List("Whom AuthorizationPolicies with action CUSTOM may ask about requests.", ExternalAuthorizerSchema.Node, ExternalAuthorizer.Most)),
            new SchemaField("certificate", Nodes.Object(
                "Certificates of workloads.",
                new SchemaField("lifetime", Nodes.Text("How long one is valid, such as 48h or 1h30m: 2s to 2160h.", "^([0-9]{1,9}(ms|h|m|s))+$", Durations.MostCharacters) with
                {
                    Rules = [new("duration(self) >= duration('2s') && duration(self) <= duration('2160h')", "must be within 2s..2160h", "whose `spec.certificate.lifetime` is not within 2s..2160h")],
                })
                {
                    Default = "48h",
                },
                new SchemaField("jitter", new(SchemaType.Number) { Description = "Each lifetime differs by up to this part of it.", Minimum = 0, Maximum = MeshConfigReader.MaxJitter }) { Default = "0.1" })),
            new SchemaField("revoked", Nodes.Object(
                "What is believed no more, though it is signed and valid: nodes refuse it from all peers, and end what was open.",
                new SchemaField("identities", Nodes.List(
                    "Identities of workloads: whoever shows one, or is known to have it, is refused, and takes no connections. They get no certificates.", Nodes.Identity("A SPIFFE ID."), RevokedCredentials.MostOfEach)),
                new SchemaField("serials", Nodes.List(
                    "Serial numbers of workloads' certificates, or of intermediate authorities, but not of roots. Workloads that had one are given another.",
                    Nodes.Text("Hexadecimal digits, with or without a colon between each two.", "^[0-9A-Fa-f]{1,40}$|^[0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2}){1,19}$", 3 * CertificateSerial.MaxOctets), RevokedCredentials.MostOfEach)))),
            new SchemaField("accessLog", TelemetrySchema.AccessLog),
            new SchemaField("tracing", TelemetrySchema.Tracing)),
        Columns = [new("Trust domain", "string", ".spec.trustDomain"), new("Default", "string", ".spec.defaultAction"), new("mTLS", "string", ".spec.mtls.mode")],
        Example = """
            apiVersion: culvert.dev/v1alpha1
            kind: MeshConfig
            metadata:
              name: default
            spec:
              trustDomain: example.org
              defaultAction: DENY
              mtls:
                mode: STRICT
              excludeCidrs: [10.0.0.0/24]
              excludePorts: [9100]
              networkPolicy: ENFORCE
              directPath: AUTO
              tunnelSource: AUTO
              icmpEcho: ALLOW
              forwardClientCert: SANITIZE_SET
              workloadNamespaces: [machines]
              externalAuthorizers:
                - name: opa
                  service:
                    name: opa
                    namespace: auth
                    port: 9191
                  protocol: HTTP
                  onFailure: DENY
                  timeout: 500ms
                  pathPrefix: /check
                  includeRequestHeadersInCheck: [cookie]
                  headersToUpstreamOnAllow: [x-user]
                  headersToDownstreamOnDeny: [location, set-cookie]
              certificate:
                lifetime: 48h
                jitter: 0.1
              revoked:
                identities: [spiffe://example.org/ns/shop/sa/cart]
                serials: ["3C:09:F1:7A"]
              accessLog:
                mode: ALL
                format: JSON
                samplingPercent: 10
                sampleErrors: false
                query: false
                headers: [x-tenant]
              tracing:
                mode: ENABLED
                samplingPercent: 1
                endpoint: http://otel-collector.observability:4318
            """,
    };
}
