using Culvert.Controller.Objects;
using Culvert.Core;

namespace Culvert.Controller.Schema;

/// <summary>Reads HTTPRoute of gateway.networking.k8s.io (v1, and v1beta1 of older clusters), whose parents are Services.</summary>
internal static class GatewayHttpRouteReader
{
    private static readonly RouteFiltersReader Filters = new("RequestHeaderModifier", "ResponseHeaderModifier", "RequestRedirect", "URLRewrite", "CORS", "RequestMirror")
    {
        Unsupported = ["ExternalAuth", "ExtensionRef"],
    };

    public static HttpRouteObject? Read(FieldReader root, ObjectMeta meta) => RequestRouteReader.Read(root, ObjectKind.HTTPRoute, meta, HttpMatchReader.Read, ReadRule);

    private static HttpRouteRule ReadRule(FieldReader rule, HttpRouteRule begun, ObjectMeta meta)
    {
        HttpRouteFilters filters = Filters.Read(rule, meta);
        EquatableArray<HttpRouteBackend> backends = RequestBackendReader.Read(rule, meta, Filters);
        if (filters.Redirect is not null && !backends.IsEmpty) rule.Fail("backendRefs", "can't be beside a RequestRedirect, which answers all requests of the rule");
        bool replacesPrefix = filters.Redirect?.Path is { IsPrefix: true } || filters.Rewrite?.Path is { IsPrefix: true };
        if (replacesPrefix && begun.Matches.Any(m => m.Path.Kind != RoutePathKind.Prefix)) rule.Fail("filters", "replaces a prefix, which only matches of type PathPrefix have");
        HttpRouteRule read = begun with { Filters = filters, Backends = backends, Retry = RouteTimeReader.ReadRetry(rule) };
        return RouteTimeReader.ReadTimeouts(rule, read);
    }
}
