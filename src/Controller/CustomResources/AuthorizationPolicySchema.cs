using Culvert.Controller.Schema;
using Culvert.Core;

namespace Culvert.Controller.CustomResources;

/// <summary>AuthorizationPolicy.</summary>
internal static class AuthorizationPolicySchema
{
    private const int MostRules = 256;
    private const int MostEntries = 64;
    private const string GrpcIdentifier = "[A-Za-z_][A-Za-z0-9_]*";

    /// <summary>The kind.</summary>
    public static CustomResource Resource { get; } = new("AuthorizationPolicy", "authorizationpolicies")
    {
        ShortNames = ["cvap"],
        Description = "Who may connect to some workloads, and what may be asked of them. DENY policies are asked first; then, where an ALLOW policy selects the destination, one must match; else the mesh's default decides.",
        Spec = Nodes.Object(
            "The policy.",
            Nodes.Selector,
            new SchemaField("action", Nodes.Words<AuthorizationAction>("What becomes of a connection, or a request, that a rule matches. AUDIT changes nothing; matches are counted and shown. CUSTOM has an external authorizer asked about requests that are allowed otherwise.")) { IsRequired = true },
            new SchemaField("provider", Nodes.Object(
                "Whom a CUSTOM policy asks.",
                new SchemaField("name", Nodes.Label("The name of an external authorizer of the MeshConfig.")) { IsRequired = true })),
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
              provider:
                name: opa
              rules:
                - from:
                    - identities: ["spiffe://example.org/ns/shop/*"]
                      notIdentities: ["*/sa/batch"]
                    - namespaces: ["monitoring-*"]
                      notNamespaces: [monitoring-dev]
                      ipBlocks: [10.91.0.0/16]
                      notIpBlocks: [10.91.7.0/24]
                    - requestPrincipals: ["https://issuer.example.org/*"]
                      notRequestPrincipals: ["*/guest"]
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
                    - ports: [9090]
                      grpc:
                        - service: shop.v1.Cart
                          method: Get
                        - service: shop.v1.Prices
                      notGrpc:
                        - service: shop.v1.Prices
                          method: Set
                    - notPorts: [22, 9100]
                  when:
                    - key: request.auth.claims[groups]
                      values: [staff, "team-*"]
                      notValues: [team-guests]
            """,
    };

    private static SchemaNode Rule => Nodes.Object(
        "Matches a connection or request that one of the sources and one of the destinations match.",
        new SchemaField("from", Nodes.List("Sources.", Source, MostEntries)) { Default = "every source" },
        new SchemaField("to", Nodes.List("Destinations.", Destination, MostEntries)) { Default = "every port" },
        new SchemaField("when", Nodes.List("Conditions on the tokens of requests, all of which must be met. The ports have to be of HTTP, as with conditions on requests.", Condition, ClaimConditionReader.MostConditions)));

    private static SchemaNode Condition => Nodes.Object(
        "A condition on a claim of the request's token, which a RequestAuthentication has taken. Of a claim with several texts one is enough for values, and none may be among notValues. A request without the claim does not meet values; it meets notValues in DENY and AUDIT policies only.",
        new SchemaField("key", Nodes.Text("request.auth.claims[NAME], and [INNER] behind it for a claim in another; request.auth.principal: issuer and subject, with a slash between them; request.auth.audiences: aud; request.auth.presenter: azp.", @"^request\.auth\.(principal|audiences|presenter|claims(\[[^\[\]]+\])+)$", ClaimConditionReader.LongestKey)) { IsRequired = true },
        new SchemaField("values", Nodes.List("The claim is one of these, or matches a pattern with * at the end or the start.", TokenText, Nodes.MostConditions)),
        new SchemaField("notValues", Nodes.List("The claim is none of these.", TokenText, Nodes.MostConditions)));

    private static SchemaNode TokenText => Nodes.Text("A text, or a pattern.", @"^(\*?[^*\x00-\x1f\x7f-\x9f]*|[^*\x00-\x1f\x7f-\x9f]*\*)$", SpiffeId.MaxLength);

    /// <summary>A source.</summary>
    public static SchemaNode Source => Nodes.Object(
        "All conditions that are given must be met. One at least is given.",
        new SchemaField("identities", Nodes.Identities("The source's proven identity is one of these.")),
        new SchemaField("notIdentities", Nodes.Identities("The source's proven identity is none of these. In ALLOW policies a source without identity does not meet it.")),
        new SchemaField("namespaces", Nodes.Namespaces("The source's proven identity is of one of these namespaces.")),
        new SchemaField("notNamespaces", Nodes.Namespaces("The source's proven identity is of none of these namespaces. In ALLOW policies a source without identity does not meet it.")),
        new SchemaField("ipBlocks", Nodes.Prefixes("The source's address is in one of these.")),
        new SchemaField("notIpBlocks", Nodes.Prefixes("The source's address is in none of these.")),
        new SchemaField("requestPrincipals", Nodes.List("The request's token, which a RequestAuthentication has taken, is of one of these: issuer and subject with a slash between them. * stands for any token.", TokenText, Nodes.MostConditions)),
        new SchemaField("notRequestPrincipals", Nodes.List("The request's token is of none of these. A request without a token meets this in DENY and AUDIT policies only.", TokenText, Nodes.MostConditions))) with
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
        new SchemaField("headers", Nodes.List("The request's headers meet all of these.", Header, Nodes.MostConditions)),
        new SchemaField("grpc", Calls("The request is one of these calls of gRPC: a POST for the path /service/method.")),
        new SchemaField("notGrpc", Calls("The request is none of these calls of gRPC."))) with
    {
        Least = 1,
        Rules = [new("!has(self.grpc) || !(has(self.methods) || has(self.notMethods) || has(self.paths))", $"grpc {GrpcConditionsReader.SaysTwice}", "whose `spec.rules[].to[].grpc` stands beside `methods`, `notMethods` or `paths`")],
    };

    private static SchemaNode Calls(string description) => Nodes.List(
        description,
        Nodes.Object(
            "Calls of a service.",
            new SchemaField("service", Nodes.Text("The service with its package, such as shop.v1.Cart.", $@"^{GrpcIdentifier}(\.{GrpcIdentifier})*$", GrpcConditionsReader.LongestService)) { IsRequired = true },
            new SchemaField("method", Nodes.Text("A method of it.", $"^{GrpcIdentifier}$", GrpcConditionsReader.LongestMethod)) { Default = "all of the service" }),
        Nodes.MostConditions);

    private static SchemaNode Header => Nodes.Object(
        "A condition on a header. Without values the request has to have it. A header that comes in several lines has to meet it with each for ALLOW, and with one for DENY and AUDIT.",
        new SchemaField("name", Nodes.Text("The name of the header, in any case.", "^[A-Za-z0-9!#$%&'*+.^_`|~-]+$", RequestConditionsReader.LongestName)) { IsRequired = true },
        new SchemaField("values", Nodes.List("The whole value is one of these, or matches a pattern with * at the end or the start.", Value, Nodes.MostConditions)),
        new SchemaField("notValues", Nodes.List("The value is none of these. A request without the header meets this.", Value, Nodes.MostConditions)));

    private static SchemaNode Value => Nodes.Text("A value, or a pattern.", @"^(\*?[ -)+-~]*|[ -)+-~]*\*)$", SpiffeId.MaxLength);

    private static SchemaNode Methods(string description) => Nodes.List(description, Nodes.Text("A method, in capitals.", "^[A-Z0-9!#$%&'+.^_`~-]+$", RequestConditionsReader.LongestName), Nodes.MostConditions);

    /// <summary>Paths of requests.</summary>
    /// <param name="description">What they are for.</param>
    /// <param name="most">How many there may be.</param>
    public static SchemaNode Paths(string description, int most = Nodes.MostConditions) => Nodes.List(
        description,
        Nodes.Text("A path, or a pattern: * at the end or the start; {*} in the place of one segment, {**} at the end in that of any number.", "^[/*][!-~]*$", PathPattern.MaxLength),
        most);

    private static SchemaNode Hosts(string description) => Nodes.List(
        description, Nodes.Text("A host, or a pattern with * at the end or the start, without a port. In any case.", @"^\*?[A-Za-z0-9._:\[\]-]*\*?$", RequestConditionsReader.LongestHost), Nodes.MostConditions);
}
