using Culvert.Core;
using Wire = Culvert.Protocol.V1;

namespace Culvert.Protocol;

/// <summary>What routes ask of requests, and what they change of them, between model and wire.</summary>
internal static class HttpRouteMatchMapping
{
    public static Wire.HttpRouteMatch ToWire(this HttpRouteMatch match)
    {
        var wire = new Wire.HttpRouteMatch { PathKind = match.Path.Kind.ToWire(), Path = match.Path.Value, Method = match.Method ?? "" };
        wire.Headers.AddRange(match.Headers.Select(ToWire));
        wire.QueryParameters.AddRange(match.QueryParameters.Select(ToWire));
        return wire;
    }

    public static HttpRouteMatch ToModel(this Wire.HttpRouteMatch match) => new()
    {
        Path = ToPath(match.PathKind.ToModel(), match.Path),
        Method = match.Method.NullIfEmpty(),
        Headers = match.Headers.Select(h => ToModel(h, "headers")).ToEquatableArray(),
        QueryParameters = match.QueryParameters.Select(p => ToModel(p, "query_parameters")).ToEquatableArray(),
    };

    // Unset where there are none, as of most rules and backends.
    public static Wire.HttpRouteFilters? ToWire(this HttpRouteFilters filters)
    {
        if (filters == HttpRouteFilters.None) return null;
        var wire = new Wire.HttpRouteFilters
        {
            RequestHeaders = ToWire(filters.RequestHeaders),
            ResponseHeaders = ToWire(filters.ResponseHeaders),
            Redirect = filters.Redirect is { } redirect
                ? new() { Scheme = redirect.Scheme ?? "", Host = redirect.Host ?? "", Path = ToWire(redirect.Path), Port = redirect.Port ?? 0, Status = (uint)redirect.Status }
                : null,
            Rewrite = filters.Rewrite is { } rewrite ? new() { Host = rewrite.Host ?? "", Path = ToWire(rewrite.Path) } : null,
            Cors = filters.Cors is { } cors ? ToWire(cors) : null,
        };
        wire.Mirrors.AddRange(filters.Mirrors.Select(ToWire));
        return wire;
    }

    public static HttpRouteFilters ToModel(this Wire.HttpRouteFilters? filters) => filters is null ? HttpRouteFilters.None : new()
    {
        RequestHeaders = ToModel(filters.RequestHeaders),
        ResponseHeaders = ToModel(filters.ResponseHeaders),
        Redirect = filters.Redirect is { } redirect ? ToModel(redirect) : null,
        Rewrite = filters.Rewrite is { } rewrite ? new(rewrite.Host.NullIfEmpty(), ToModel(rewrite.Path)) : null,
        Cors = filters.Cors is { } cors ? ToModel(cors) : null,
        Mirrors = filters.Mirrors.Count <= HttpRouteMirror.MostOfRule ? filters.Mirrors.Select(ToModel).ToEquatableArray() : throw new FormatException($"a rule has {filters.Mirrors.Count} mirrors"),
    };

    private static Wire.RouteField ToWire(RouteField field) => new() { Name = field.Name, Value = field.Value, IsExpression = field.IsExpression };

    private static RouteField ToModel(Wire.RouteField field, string name)
    {
        if (field.IsExpression) Check(field.Value, name);
        return new(FieldMapping.Required(field.Name, $"{name}.name"), field.Value, field.IsExpression);
    }

    private static RoutePath ToPath(RoutePathKind kind, string value)
    {
        if (kind is RoutePathKind.Exact or RoutePathKind.Prefix && !value.StartsWith('/')) throw new FormatException($"path '{value}' does not begin with a slash");
        if (kind == RoutePathKind.Expression) Check(value, "path");
        return new(kind, FieldMapping.Required(value, "path"));
    }

    private static void Check(string expression, string field)
    {
        if (!RouteExpression.TryMeasure(expression, out _, out string? reason)) throw new FormatException($"{field}: '{expression}' {reason}");
    }

    private static Wire.HeaderChanges? ToWire(HeaderChanges changes)
    {
        if (changes.IsEmpty) return null;
        var wire = new Wire.HeaderChanges();
        wire.Set.AddRange(changes.Set.Select(ToWire));
        wire.Add.AddRange(changes.Add.Select(ToWire));
        wire.Remove.AddRange(changes.Remove);
        return wire;
    }

    private static HeaderChanges ToModel(Wire.HeaderChanges? changes) => changes is null ? HeaderChanges.None : new(
        changes.Set.Select(ToModel).ToEquatableArray(), changes.Add.Select(ToModel).ToEquatableArray(), changes.Remove.Select(n => FieldMapping.Required(n, "remove")).ToEquatableArray());

    private static Wire.HeaderValue ToWire(HeaderValue header) => new() { Name = header.Name, Value = header.Value };

    private static HeaderValue ToModel(Wire.HeaderValue header) => new(FieldMapping.Required(header.Name, "name of a header"), header.Value);

    private static HttpRedirect ToModel(Wire.HttpRedirect redirect) => new()
    {
        Scheme = redirect.Scheme is "" or "http" or "https" ? redirect.Scheme.NullIfEmpty() : throw new FormatException($"redirect.scheme '{redirect.Scheme}' is not known"),
        Host = redirect.Host.NullIfEmpty(),
        Path = ToModel(redirect.Path),
        Port = redirect.Port == 0 ? null : redirect.Port.ToPort("redirect.port"),
        Status = redirect.Status is 301 or 302 or 303 or 307 or 308 ? (int)redirect.Status : throw new FormatException($"redirect.status is {redirect.Status}; 301, 302, 303, 307 and 308 are allowed"),
    };

    private static Wire.HttpRouteMirror ToWire(HttpRouteMirror mirror) => new()
    {
        Namespace = mirror.Service.Namespace,
        Name = mirror.Service.Name,
        Port = mirror.Port,
        Numerator = (uint)mirror.Numerator,
        Denominator = (uint)mirror.Denominator,
    };

    private static HttpRouteMirror ToModel(Wire.HttpRouteMirror mirror)
    {
        if (mirror.Denominator is 0 or > int.MaxValue || mirror.Numerator > mirror.Denominator) throw new FormatException($"mirrors: {mirror.Numerator} of {mirror.Denominator} is no share");
        return new(FieldMapping.ToName(mirror.Namespace, mirror.Name), mirror.Port.ToPort("mirrors.port"), (int)mirror.Numerator, (int)mirror.Denominator);
    }

    private static Wire.HttpCors ToWire(HttpCors cors)
    {
        var wire = new Wire.HttpCors { AllowCredentials = cors.AllowCredentials, MaxAge = (uint)cors.MaxAge };
        wire.AllowOrigins.AddRange(cors.AllowOrigins.Select(o => o.Text));
        wire.AllowMethods.AddRange(cors.AllowMethods);
        wire.AllowHeaders.AddRange(cors.AllowHeaders);
        wire.ExposeHeaders.AddRange(cors.ExposeHeaders);
        return wire;
    }

    private static HttpCors ToModel(Wire.HttpCors cors) => new()
    {
        AllowOrigins = cors.AllowOrigins.Select(OriginPattern.Parse).ToEquatableArray(),
        AllowCredentials = cors.AllowCredentials,
        AllowMethods = cors.AllowMethods.ToEquatableArray(),
        AllowHeaders = cors.AllowHeaders.ToEquatableArray(),
        ExposeHeaders = cors.ExposeHeaders.ToEquatableArray(),
        MaxAge = cors.MaxAge is > 0 and <= int.MaxValue ? (int)cors.MaxAge : throw new FormatException($"cors.max_age is {cors.MaxAge}; 1 or more is allowed"),
    };

    private static Wire.PathChange? ToWire(PathChange? path) => path is null ? null : new() { IsPrefix = path.IsPrefix, Value = path.Value };

    private static PathChange? ToModel(Wire.PathChange? path) => path is null ? null : new(path.IsPrefix, path.Value);
}
