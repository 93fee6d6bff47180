using Culvert.Controller.Objects;
using Culvert.Core;

namespace Culvert.Controller.Schema;

/// <summary>Reads GRPCRoute of gateway.networking.k8s.io/v1, whose parents are Services. A call of gRPC asks for the path <c>/service/method</c>, and that is what is compared.</summary>
internal static class GrpcRouteReader
{
    private const string AnySegment = "[^/]+";

    private const int LongestName = 1024;

    private static readonly RouteFiltersReader Filters = new("RequestHeaderModifier", "ResponseHeaderModifier", "RequestMirror") { Unsupported = ["ExtensionRef"] };

    public static HttpRouteObject? Read(FieldReader root, ObjectMeta meta) => RequestRouteReader.Read(root, ObjectKind.GRPCRoute, meta, ReadMatch, ReadRule);

    private static HttpRouteRule ReadRule(FieldReader rule, HttpRouteRule begun, ObjectMeta meta) =>
        begun with { Filters = Filters.Read(rule, meta), Backends = RequestBackendReader.Read(rule, meta, Filters) };

    private static HttpRouteMatch ReadMatch(FieldReader match)
    {
        RoutePath path = match.Map("method") is { } method ? ReadMethod(method) : RoutePath.Any;
        HttpRouteMatch read = new() { Path = path, Headers = RouteFieldReader.Headers(match) };
        match.Done();
        return read;
    }

    private static RoutePath ReadMethod(FieldReader method)
    {
        int before = method.ErrorCount;
        bool isExpression = RouteFieldReader.IsExpression(method);
        string service = method.String("service", text => Check(text, isExpression, mayHaveDots: true)) ?? "", name = method.String("method", text => Check(text, isExpression, mayHaveDots: false)) ?? "";
        method.Done();
        if (method.ErrorCount > before) return RoutePath.Any;
        if (service.Length == 0 && name.Length == 0) method.Fail("", "names neither a service nor a method; leave it out for every call");
        if (isExpression) return Joined(method, service, name);
        return service.Length == 0 ? new(RoutePathKind.GrpcMethod, name)
            : name.Length == 0 ? new(RoutePathKind.Prefix, $"/{service}")
            : new(RoutePathKind.Exact, $"/{service}/{name}");
    }

    private static RoutePath Joined(FieldReader method, string service, string name)
    {
        string expression = $"/(?:{(service.Length == 0 ? AnySegment : service)})/(?:{(name.Length == 0 ? AnySegment : name)})";
        if (!RouteExpression.TryMeasure(expression, out _, out string? reason)) method.Fail("", $"as one expression for the path {reason}");
        return new(RoutePathKind.Expression, expression);
    }

    private static string? Check(string text, bool isExpression, bool mayHaveDots)
    {
        if (text.Length == 0) return null;
        if (isExpression) return RouteFieldReader.Expression(text);
        return mayHaveDots ? GrpcNames.Service(text, LongestName) : GrpcNames.Method(text, LongestName);
    }
}
