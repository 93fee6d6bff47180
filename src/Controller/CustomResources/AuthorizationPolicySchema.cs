using Culvert.Controller.Schema;
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
        Description = "Who may connect to some workloads, and what may be asked of them. DENY policies are asked first; then, where an ALLOW policy selects the destination, one must match; else the mesh's default decides.",
        Spec = Nodes.Object(
            "The policy.",
            Nodes.Selector,
            new SchemaField("action", Nodes.Words<AuthorizationAction>("What becomes of a connection, or a request, that a rule matches. AUDIT changes nothing; matches are counted and shown.")) { IsRequired = true },
            new SchemaField("rules", new(SchemaType.List)
            {
                Description = "A connection or request matches the policy when it matches one of these. Without rules nothing matches: such an ALLOW policy allows nothing.",
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
                      methods: [GET, HEAD]
                      notMethods: [TRACE]
                      paths: ["/api/*", "/users/{*}/orders"]
                      notPaths: ["/api/internal/*"]
                      hosts: ["*.example.org"]
                      notHosts: [old.example.org]
                      headers:
                        - name: x-team
                          values: [web, "web-*"]
                          notValues: [web-test]
                    - notPorts: [22, 9100]
            """,
    };

    private static SchemaNode Rule => Nodes.Object(
        "Matches a connection or request that one of the sources and one of the destinations match.",
        new SchemaField("from", Nodes.List("Sources.", Source, MostEntries)) { Default = "every source" },
        new SchemaField("to", Nodes.List("Destinations.", Destination, MostEntries)) { Default = "every port" });

    /// <summary>A source.</summary>
    public static SchemaNode Source => Nodes.Object(
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

    /// <summary>A destination.</summary>
    public static SchemaNode Destination => Nodes.Object(
        "All conditions that are given must be met. One at least is given.",
        new SchemaField("ports", Nodes.Ports("The port at the workload, not at a Service, is one of these.")),
        new SchemaField("notPorts", Nodes.Ports("The port at the workload is none of these.")),
        new SchemaField("methods", Methods("The request's method is one of these. With this or any of the following, the port has to be one of HTTP: of others ALLOW rules match nothing, and DENY and AUDIT rules match all.")),
        new SchemaField("notMethods", Methods("The request's method is none of these.")),
        new SchemaField("paths", Paths("The request's path, normalised and without its query, is one of these.")),
        new SchemaField("notPaths", Paths("The request's path is none of these.")),
        new SchemaField("hosts", Hosts("The host that is asked for, without its port, is one of these.")),
        new SchemaField("notHosts", Hosts("The host that is asked for is none of these.")),
        new SchemaField("headers", Nodes.List("The request's headers meet all of these.", Header, Nodes.MostConditions))) with
    {
        Least = 1,
    };

    private static SchemaNode Header => Nodes.Object(
        "A condition on a header. Without values the request has to have it. A header that comes in several lines has to meet it with each for ALLOW, and with one for DENY and AUDIT.",
        new SchemaField("name", Nodes.Text("The name of the header, in any case.", "^[A-Za-z0-9!#$%&'*+.^_`|~-]+$", RequestConditionsReader.LongestName)) { IsRequired = true },
        new SchemaField("values", Nodes.List("The whole value is one of these, or matches a pattern with * at the end or the start.", Value, Nodes.MostConditions)),
        new SchemaField("notValues", Nodes.List("The value is none of these. A request without the header meets this.", Value, Nodes.MostConditions)));

    private static SchemaNode Value => Nodes.Text("A value, or a pattern.", @"^(\*?[ -)+-~]*|[ -)+-~]*\*)$", SpiffeId.MaxLength);

    private static SchemaNode Methods(string description) => Nodes.List(description, Nodes.Text("A method, in capitals.", "^[A-Z0-9!#$%&'+.^_`~-]+$", RequestConditionsReader.LongestName), Nodes.MostConditions);

    private static SchemaNode Paths(string description) => Nodes.List(
        description,
        Nodes.Text("A path, or a pattern: * at the end or the start; {*} in the place of one segment, {**} at the end in that of any number.", "^[/*][!-~]*$", PathPattern.MaxLength),
        Nodes.MostConditions);

    private static SchemaNode Hosts(string description) => Nodes.List(
        description, Nodes.Text("A host, or a pattern with * at the end or the start, without a port. In any case.", @"^\*?[A-Za-z0-9._:\[\]-]*\*?$", RequestConditionsReader.LongestHost), Nodes.MostConditions);
}
