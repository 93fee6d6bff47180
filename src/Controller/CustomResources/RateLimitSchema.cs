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
            "The limits. Which workloads are meant is said by selector or targetRef.",
            Nodes.Selector,
            new SchemaField("targetRef", Nodes.Object(
                "A Service of the namespace one of whose ports speaks HTTP: the workloads behind it are meant.",
                new SchemaField("kind", Nodes.OneOf("The kind.", "Service")) { IsRequired = true },
                new SchemaField("name", Nodes.Subdomain("Its name.")) { IsRequired = true })),
            new SchemaField("rules", Nodes.List("A request counts for the first of these that it matches.", Rule, RateLimitReader.MostRules)) { IsRequired = true }) with
        {
            Rules = [new("!has(self.selector) || !has(self.targetRef)", "targetRef stands beside a selector; of the two one says which workloads are meant", "whose `spec` has a `selector` and a `targetRef`")],
        },
        Columns = [new("Service", "string", ".spec.targetRef.name")],
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
                    - namespaces: [batch]
                  to:
                    - methods: [POST]
                      paths: ["/orders/{**}"]
                  rate: 600/m
                  burst: 20
                  onExcess: REJECT
                - rate: 100/s
                  by: HEADER
                  header: x-tenant
            """,
    };

    private static SchemaNode Rule => Nodes.Object(
        "Counts requests that one of the sources and one of the destinations match.",
        new SchemaField("from", Nodes.List("Sources.", AuthorizationPolicySchema.Source, MostEntries)) { Default = "every source" },
        new SchemaField("to", Nodes.List("Destinations.", AuthorizationPolicySchema.Destination, MostEntries)) { Default = "every request" },
        new SchemaField("rate", Nodes.Text("How many requests pass in a second, minute or hour, evenly: 100/s, 6000/m, 20/h.", RateText.Pattern, 12)) { IsRequired = true },
        new SchemaField("burst", new(SchemaType.Integer) { Description = "How many may come at once, after a time without any.", Minimum = 1, Maximum = RateLimit.MostBurst }) { Default = "what passes in a second, 1 at least" },
        new SchemaField("by", Nodes.Words<RateLimitBy>("Which requests are counted together: all, those of each identity, or those with each value of a header.")) { Default = "ALL" },
        new SchemaField("header", Nodes.Text("The name of the header, where by is HEADER.", "^[A-Za-z0-9!#$%&'*+.^_`|~-]+$", RequestConditionsReader.LongestName)) { Default = "none" },
        new SchemaField("onExcess", Nodes.Words<ExcessAction>("REJECT answers 429. DELAY is not served yet.")) { Default = "REJECT" });
}
