using Culvert.Core;
using Google.Protobuf.WellKnownTypes;
using Wire = Culvert.Protocol.V1;

namespace Culvert.Protocol;

/// <summary>Routes of requests between model and wire.</summary>
public static class HttpRouteMapping
{
    private const int MostWeight = 1_000_000;

    /// <summary>The name of a route as a resource, as <see cref="HttpRouteKey.ToString"/> has it.</summary>
    public static string NameOf(Wire.HttpRoute route)
    {
        string kind = route.Kind == Wire.HttpRouteKind.Grpc ? "GRPCRoute" : "HTTPRoute";
        return $"{kind} {route.Namespace}/{route.Name}";
    }

    /// <summary>Reads what <see cref="NameOf"/> makes.</summary>
    public static bool TryParseName(string text, out HttpRouteKey key)
    {
        ArgumentNullException.ThrowIfNull(text);
        key = default;
        if (text.Split(' ') is not [("GRPCRoute" or "HTTPRoute") and var kind, var rest] || !NamespacedName.TryParse(rest, out NamespacedName name)) return false;
        key = new(kind == "GRPCRoute" ? HttpRouteKind.Grpc : HttpRouteKind.Http, name);
        return true;
    }

    /// <summary>The wire form of a route.</summary>
    public static Wire.HttpRoute ToWire(this HttpRouteInfo route)
    {
        var wire = new Wire.HttpRoute
        {
            Namespace = route.Name.Namespace,
            Name = route.Name.Name,
            Kind = route.Kind.ToWire(),
            Created = route.Created?.ToTimestamp(),
            SourceReference = route.SourceReference,
        };
        wire.Parents.AddRange(route.Parents.Select(p => new Wire.HttpRouteParent { Namespace = p.Service.Namespace, Name = p.Service.Name, Port = p.Port ?? 0, PortName = p.PortName ?? "" }));
        wire.Rules.AddRange(route.Rules.Select(ToWire));
        return wire;
    }

    /// <summary>The model of a route.</summary>
    /// <exception cref="FormatException">A field holds a value that is not allowed.</exception>
    public static HttpRouteInfo ToModel(this Wire.HttpRoute route) => new()
    {
        Name = FieldMapping.ToName(route.Namespace, route.Name),
        Kind = route.Kind.ToModel(),
        Parents = route.Parents.Select(p => new HttpRouteParent(FieldMapping.ToName(p.Namespace, p.Name), p.Port == 0 ? null : p.Port.ToPort("parents.port"), p.PortName.NullIfEmpty())).ToEquatableArray(),
        Rules = route.Rules.Select(ToModel).ToEquatableArray(),
        Created = route.Created is { } created ? ToTime(created) : null,
        SourceReference = route.SourceReference,
    };

    private static Wire.HttpRouteRule ToWire(HttpRouteRule rule)
    {
        var wire = new Wire.HttpRouteRule
        {
            Name = rule.Name,
            Filters = rule.Filters.ToWire(),
            RequestTimeout = rule.RequestTimeout?.ToDuration(),
            BackendTimeout = rule.BackendTimeout?.ToDuration(),
        };
        wire.Matches.AddRange(rule.Matches.Select(m => m.ToWire()));
        wire.Backends.AddRange(rule.Backends.Select(ToWire));
        if (rule.Retry is not { } retry) return wire;
        wire.Retry = new() { Attempts = (uint)retry.Attempts, Backoff = retry.Backoff?.ToDuration() };
        wire.Retry.Codes.AddRange(retry.Codes.Select(c => (uint)c));
        return wire;
    }

    // A rule without matches would have no request, or, read otherwise, every one.
    private static HttpRouteRule ToModel(Wire.HttpRouteRule rule) => rule.Matches.Count == 0 ? throw new FormatException("a rule of a route must have a match") : new()
    {
        Name = rule.Name,
        Matches = rule.Matches.Select(m => m.ToModel()).ToEquatableArray(),
        Filters = rule.Filters.ToModel(),
        Backends = rule.Backends.Select(ToModel).ToEquatableArray(),
        RequestTimeout = ToSpan(rule.RequestTimeout, "request_timeout"),
        BackendTimeout = ToSpan(rule.BackendTimeout, "backend_timeout"),
        Retry = rule.Retry is { } retry ? ToModel(retry) : null,
    };

    private static Wire.HttpRouteBackend ToWire(HttpRouteBackend backend) => new()
    {
        Namespace = backend.Service?.Namespace ?? "",
        Name = backend.Service?.Name ?? "",
        Port = backend.Port,
        Weight = (uint)backend.Weight,
        Filters = backend.Filters.ToWire(),
    };

    private static HttpRouteBackend ToModel(Wire.HttpRouteBackend backend)
    {
        if (backend.Weight > MostWeight) throw new FormatException($"backends.weight is {backend.Weight}; 0..{MostWeight} is allowed");
        bool isService = backend.Namespace.Length > 0 || backend.Name.Length > 0 || backend.Port != 0;
        return new(isService ? FieldMapping.ToName(backend.Namespace, backend.Name) : null, isService ? backend.Port.ToPort("backends.port") : (ushort)0, (int)backend.Weight) { Filters = backend.Filters.ToModel() };
    }

    private static HttpRouteRetry ToModel(Wire.HttpRouteRetry retry)
    {
        if (retry.Attempts is 0 or > int.MaxValue) throw new FormatException($"retry.attempts is {retry.Attempts}; 1 or more is allowed");
        if (retry.Codes.FirstOrDefault(c => c is < 400 or > 599) is > 0 and var code) throw new FormatException($"retry.codes holds {code}; 400..599 is allowed");
        return new((int)retry.Attempts, retry.Codes.Select(c => (int)c).ToEquatableArray(), ToSpan(retry.Backoff, "retry.backoff"));
    }

    private static TimeSpan? ToSpan(Duration? duration, string field)
    {
        if (duration is null) return null;
        TimeSpan span;
        try
        {
            span = duration.ToTimeSpan();
        }
        catch (Exception e) when (e is InvalidOperationException or OverflowException)
        {
            throw new FormatException($"{field} is no duration", e);
        }
        return span > TimeSpan.Zero ? span : throw new FormatException($"{field} is {span}; more than nothing is allowed");
    }

    private static DateTimeOffset ToTime(Timestamp time)
    {
        try
        {
            return time.ToDateTimeOffset();
        }
        catch (Exception e) when (e is InvalidOperationException or ArgumentOutOfRangeException)
        {
            throw new FormatException("created is no time", e);
        }
    }
}
