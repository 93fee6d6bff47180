using Culvert.Controller.Schema;
using Culvert.Core;

namespace Culvert.Controller.CustomResources;

/// <summary>RateLimit.</summary>
internal static class RateLimitSchema
{
    private const int MostEntries = 64;

    /// <summary>The kind.</summary>
    public static CustomResource Resource { get; } = new("RateLimit", "ratelimits")
    {
        ShortNames = ["cvrl"],
        Description = "How many requests of HTTP some workloads take, each of them by itself. Requests that are too many are answered 429. Their ports have to be read as HTTP.",
        Spec = Nodes.Object(
            "The limits, and whose they are.",
            Nodes.Selector,
            new SchemaField("rules", Nodes.List("A request counts for the first of these that it matches.", Rule, RateLimitReader.MostRules)) { IsRequired = true }),
        Example = """
            apiVersion: culvert.dev/v1alpha1
            kind: RateLimit
            metadata:
              name: web
              namespace: shop
            spec:
              selector:
                matchLabels: {app: web}
              rules:
                - from:
                    - identities: ["spiffe://example.org/ns/shop/*"]
                      notIdentities: ["*/sa/front"]
                    - namespaces: [batch]
                      notNamespaces: [batch-urgent]
                      ipBlocks: [10.91.0.0/16]
                      notIpBlocks: [10.91.7.0/24]
                    - requestPrincipals: ["https://issuer.example.org/*"]
                      notRequestPrincipals: ["*/admin"]
                  to:
                    - ports: [8080]
                      methods: [POST]
                      notMethods: [TRACE]
                      paths: ["/orders/{**}"]
                      notPaths: ["/orders/status"]
                      hosts: ["*.example.org"]
                      notHosts: [old.example.org]
                      headers:
                        - name: x-team
                          values: [web, "web-*"]
                          notValues: [web-test]
                    - ports: [9090]
                      grpc:
                        - service: shop.v1.Cart
                          method: Put
                      notGrpc:
                        - service: shop.v1.Prices
                          method: Get
                    - notPorts: [22, 9100]
                  rate: 600/m
                  burst: 20
                  delayAfter: 5
                - rate: 100/s
                  by: IDENTITY
                - rate: 100/s
                  header: x-tenant
            """,
    };

    private static SchemaNode Rule => Nodes.Object(
        "Counts requests that one of the sources and one of the destinations match.",
        new SchemaField("from", Nodes.List("Sources.", AuthorizationPolicySchema.Source, MostEntries)) { Default = "every source" },
        new SchemaField("to", Nodes.List("Destinations.", AuthorizationPolicySchema.Destination, MostEntries)) { Default = "every request" },
        new SchemaField("rate", Nodes.Text("How many requests pass in a second, minute or hour, evenly: 100/s, 6000/m, 20/h.", RateText.Pattern, 12)) { IsRequired = true },
        new SchemaField("burst", Nodes.Number("How many may come at once, after a time without any.", 1, RateLimit.MostBurst)) { Default = "what passes in a second, 1 at least" },
        new SchemaField("delayAfter", Nodes.Number("How many of the burst pass at once; those that come beyond wait until they are on time, 60 s at most. Less than burst.", 1, RateLimit.MostBurst)) { Default = "none waits" },
        new SchemaField("by", Nodes.Words<CountedTogether>("Which requests are counted together: all, or those of each identity.")) { Default = "ALL" },
        new SchemaField("header", Nodes.Text("A header: requests with the same value of it are counted together, whatever by says.", "^[A-Za-z0-9!#$%&'*+.^_`|~-]+$", RequestConditionsReader.LongestName)) { Default = "none" });
}
