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
                  global:
                    service: {name: ratelimit, namespace: limits, port: 8081}
                    domain: shop
                    timeout: 50ms
                    onFailure: DENY
                    hits: 2
                    descriptors:
                      - entries:
                          - key: generic_key
                            value: orders
                          - key: caller
                            from: IDENTITY
                          - key: tenant
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
        new SchemaField("header", Nodes.Text("A header: requests with the same value of it are counted together, whatever by says.", "^[A-Za-z0-9!#$%&'*+.^_`|~-]+$", RequestConditionsReader.LongestName)) { Default = "none" },
        new SchemaField("global", Global) { Default = "nobody is asked" });

    private static SchemaNode Global => Nodes.Object(
        "A rate limit service, asked about what the rule's own numbers let pass, by Envoy's protocol (envoy.service.ratelimit.v3). The node of the workload that a request is for asks it, in that workload's name.",
        ExternalAuthorizerSchema.Service,
        new SchemaField("domain", Text("Whose descriptors these are, for the service.")) { IsRequired = true },
        new SchemaField("timeout", Nodes.Text("How long an answer may take, 1ms to 30s.", Durations.GatewayPattern, Durations.MostCharacters)) { Default = "200ms" },
        new SchemaField("onFailure", Nodes.Words<AuthorizerFailure>("What becomes of requests when it can't be asked, or does not answer in time.")) { Default = "ALLOW" },
        new SchemaField("hits", Nodes.Number("How much a request counts.", 1, GlobalRateLimit.MostHits)) { Default = "1" },
        new SchemaField("descriptors", Nodes.List("What it is told of a request. A descriptor is left out of which something is not there in a request; where none is left it is not asked.", Descriptor, GlobalRateLimit.MostDescriptors)) { IsRequired = true });

    private static SchemaNode Descriptor => Nodes.Object(
        "What the service counts together.",
        new SchemaField("entries", Nodes.List("Its parts, in this order.", Entry, RateLimitDescriptor.MostEntries)) { IsRequired = true });

    private static SchemaNode Entry => Nodes.Object(
        "A part of it: a header's value, or something else of the request, or a text.",
        new SchemaField("key", Text("What the service calls it.")) { IsRequired = true },
        new SchemaField("header", Nodes.Text("A header whose first line it is, whatever from and value say.", "^[A-Za-z0-9!#$%&'*+.^_`|~-]+$", RequestConditionsReader.LongestName)) { Default = "none" },
        new SchemaField("from", Nodes.Words<CallerPart>("What of the request it is, whatever value says: the caller's proven identity or address, or the method, host or path without a query.")) { Default = "none" },
        new SchemaField("value", Text("The text that it is always.")) { Default = "empty" });

    private static SchemaNode Text(string description) => Nodes.Text(description, @"^[^\x00-\x1F\x7F-\x9F]+$", GlobalRateLimitReader.LongestText);
}
