using Culvert.Core;

namespace Culvert.Controller.CustomResources;

/// <summary>AuthorizationPolicy.</summary>
internal static class AuthorizationPolicySchema
{
    private const int MostRules = 256;
    private const int MostEntries = 64;

    /// <summary>The kind.</summary>
    public static CustomResource Resource { get; } = new("AuthorizationPolicy", "authorizationpolicies")
    {
        ShortNames = ["cvap"],
        Description = "Who may connect to some workloads. DENY policies are asked first; then, where an ALLOW policy selects the destination, one must match; else the mesh's default decides.",
        Spec = Nodes.Object(
            "The policy.",
            Nodes.Selector,
            new SchemaField("action", Nodes.Words<PolicyAction>("What becomes of a connection that a rule matches. AUDIT changes nothing; matches are counted and shown.")) { IsRequired = true },
            new SchemaField("rules", new(SchemaType.List)
            {
                Description = "A connection matches the policy when it matches one of these. Without rules nothing matches: such an ALLOW policy allows nothing.",
                Items = Rule,
                Most = MostRules,
            })),
        Columns = [new("Action", "string", ".spec.action")],
        Example = """
            apiVersion: culvert.dev/v1alpha1
            kind: AuthorizationPolicy
            metadata:
              name: web
              namespace: shop
            spec:
              selector:
                matchLabels: {app: web}
              action: ALLOW
              rules:
                - from:
                    - identities: ["spiffe://example.org/ns/shop/*"]
                      notIdentities: ["*/sa/batch"]
                    - namespaces: ["monitoring-*"]
                      notNamespaces: [monitoring-dev]
                      ipBlocks: [10.91.0.0/16]
                      notIpBlocks: [10.91.7.0/24]
                  to:
                    - ports: [8080]
                    - notPorts: [22, 9100]
            """,
    };

    private static SchemaNode Rule => Nodes.Object(
        "Matches a connection that one of the sources and one of the destinations match.",
        new SchemaField("from", Nodes.List("Sources.", Source, MostEntries)) { Default = "every source" },
        new SchemaField("to", Nodes.List("Destinations.", Destination, MostEntries)) { Default = "every port" });

    private static SchemaNode Source => Nodes.Object(
        "All conditions that are given must be met. One at least is given.",
        new SchemaField("identities", Nodes.Identities("The source's proven identity is one of these.")),
        new SchemaField("notIdentities", Nodes.Identities("The source's proven identity is none of these. In ALLOW policies a source without identity does not meet it.")),
        new SchemaField("namespaces", Nodes.Namespaces("The source's proven identity is of one of these namespaces.")),
        new SchemaField("notNamespaces", Nodes.Namespaces("The source's proven identity is of none of these namespaces. In ALLOW policies a source without identity does not meet it.")),
        new SchemaField("ipBlocks", Nodes.Prefixes("The source's address is in one of these.")),
        new SchemaField("notIpBlocks", Nodes.Prefixes("The source's address is in none of these."))) with
    {
        Least = 1,
    };

    private static SchemaNode Destination => Nodes.Object(
        "All conditions that are given must be met. One at least is given.",
        new SchemaField("ports", Nodes.Ports("The port at the workload, not at a Service, is one of these.")),
        new SchemaField("notPorts", Nodes.Ports("The port at the workload is none of these."))) with
    {
        Least = 1,
    };
}
