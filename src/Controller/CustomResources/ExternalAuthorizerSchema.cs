using Culvert.Controller.Schema;
using Culvert.Core;

namespace Culvert.Controller.CustomResources;

/// <summary>An external authorizer of a MeshConfig.</summary>
internal static class ExternalAuthorizerSchema
{
    /// <summary>Its schema.</summary>
    public static SchemaNode Node => Nodes.Object(
        "A service that decides about requests. The node of the workload that a request is for asks it, in that workload's name.",
        new SchemaField("name", Nodes.Label("What policies call it (provider.name).")) { IsRequired = true },
        Service,
        new SchemaField("protocol", Nodes.Words<ExternalAuthorizerProtocol>("GRPC: envoy.service.auth.v3.Authorization. HTTP: it is sent the request's head, and allows it with a status of 200 to 299.")) { IsRequired = true },
        new SchemaField("onFailure", Nodes.Words<AuthorizerFailure>("What becomes of requests when it can't be asked, or does not answer in time.")) { Default = "DENY" },
        new SchemaField("timeout", Nodes.Text("How long an answer may take, 1ms to 30s.", Durations.GatewayPattern, Durations.MostCharacters)) { Default = "1s" },
        new SchemaField("pathPrefix", Nodes.Text("What the path of a question begins with, before the request's own. Of HTTP.", @"^/[!""$-.0->@-~/]*[!""$-.0->@-~]$", ExternalAuthorizerReader.LongestPrefix)) { Default = "nothing" },
        new SchemaField("includeRequestHeadersInCheck", Headers("Headers of the request that it is told of.")) { Default = "with HTTP host and authorization, which it is always told of; with gRPC all" },
        new SchemaField("headersToUpstreamOnAllow", Headers("Headers of its answer that an allowed request goes on with. What clients send by these names is removed. Of HTTP.")),
        new SchemaField("headersToDownstreamOnDeny", Headers("Headers of its answer that the client of a refused request gets. Of HTTP.")) { Default = "all but those of the connection" });

    /// <summary>A port of a Service that nodes ask.</summary>
    internal static SchemaField Service => new("service", Nodes.Object(
        "The Service that it is behind.",
        new SchemaField("name", Nodes.Label("Its name.")) { IsRequired = true },
        new SchemaField("namespace", Nodes.Label("Its namespace.")) { IsRequired = true },
        new SchemaField("port", Nodes.Port("Its port.")) { IsRequired = true }))
    {
        IsRequired = true,
    };

    private static SchemaNode Headers(string description) => Nodes.List(description, Nodes.Text("The name of a header.", "^[A-Za-z0-9!#$%&'*+.^_`|~-]+$", RequestConditionsReader.LongestName), ExternalAuthorizer.MostHeaders);
}
