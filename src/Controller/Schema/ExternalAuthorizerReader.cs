using Culvert.Core;

namespace Culvert.Controller.Schema;

/// <summary>Reads the external authorizers of a MeshConfig.</summary>
internal static class ExternalAuthorizerReader
{
    /// <summary>Most characters of a prefix of paths.</summary>
    public const int LongestPrefix = 512;

    public static EquatableArray<ExternalAuthorizer> Read(FieldReader spec)
    {
        FieldReader[] readers = [.. spec.Maps("externalAuthorizers")];
        RequestRouteReader.Limit(spec, "externalAuthorizers", readers.Length, ExternalAuthorizer.Most);
        EquatableArray<ExternalAuthorizer> read = readers.Select(ReadOne).OfType<ExternalAuthorizer>().ToEquatableArray();
        if (read.GroupBy(a => a.Name).FirstOrDefault(g => g.Count() > 1) is { } twice) spec.Fail("externalAuthorizers", $"'{twice.Key}' is there twice");
        return read;
    }

    private static ExternalAuthorizer? ReadOne(FieldReader reader)
    {
        string? name = reader.String("name", Names.Label, required: true);
        (NamespacedName Service, ushort Port)? service = ReadService(reader);
        ExternalAuthorizerProtocol? protocol = reader.Enum<ExternalAuthorizerProtocol>("protocol", required: true);
        AuthorizerFailure failure = reader.Enum<AuthorizerFailure>("onFailure") ?? AuthorizerFailure.Deny;
        TimeSpan timeout = reader.Parsed<TimeSpan?>("timeout", Timeout) ?? ExternalAuthorizer.DefaultTimeout;
        string? prefix = reader.String("pathPrefix", Prefix);
        EquatableArray<string> request = Headers(reader, "includeRequestHeadersInCheck", Header), upstream = Headers(reader, "headersToUpstreamOnAllow", Set), downstream = Headers(reader, "headersToDownstreamOnDeny", Header);
        reader.Done();
        if (protocol == ExternalAuthorizerProtocol.Grpc)
        {
            foreach (string field in new[] { "pathPrefix", "headersToUpstreamOnAllow", "headersToDownstreamOnDeny" })
            {
                if (reader.Has(field)) reader.Note(field, "has no effect: with gRPC the authorizer says it itself");
            }
        }

        if (name is null || service is null || protocol is null) return null;
        return new ExternalAuthorizer
        {
            Name = name,
            Service = service.Value.Service,
            Port = service.Value.Port,
            Protocol = protocol.Value,
            Timeout = timeout,
            AllowsOnFailure = failure == AuthorizerFailure.Allow,
            PathPrefix = prefix ?? "",
            RequestHeaders = request,
            UpstreamHeaders = upstream,
            DownstreamHeaders = downstream,
        };
    }

    /// <summary>Reads <c>service</c>: a port of a Service.</summary>
    public static (NamespacedName Service, ushort Port)? ReadService(FieldReader reader)
    {
        if (reader.Map("service", required: true) is not { } service) return null;
        string? name = service.String("name", Names.Label, required: true), ns = service.String("namespace", Names.Label, required: true);
        long? port = service.Integer("port", 1, ushort.MaxValue);
        if (!service.Has("port")) service.Fail("port", "is required");
        service.Done();
        return name is null || ns is null || port is null ? null : (new NamespacedName(ns, name), (ushort)port);
    }

    private static EquatableArray<string> Headers(FieldReader reader, string field, FieldReader.Parse<string> parse)
    {
        EquatableArray<string> names = reader.List(field, parse);
        RequestRouteReader.Limit(reader, field, names.Count, ExternalAuthorizer.MostHeaders);
        return names.Distinct().ToEquatableArray();
    }

    private static string? Header(string text, out string name)
    {
        name = text.ToLowerInvariant();
        return name == "host" ? "'host' is what is asked for: authorizers are always told, and can't change it" : RouteHeaders.Changed(text);
    }

    private static string? Set(string text, out string name) =>
        Header(text, out name) ?? (HeaderNames.Canonical(name) == "x-forwarded-client-cert" ? $"'{text}' says who the client is, which is not for an authorizer to say" : null);

    /// <summary>Reads how long an answer may take.</summary>
    public static string? Timeout(string text, out TimeSpan? timeout)
    {
        string? error = Durations.ParseOfGateway(text, out TimeSpan read);
        timeout = read;
        return error ?? (read >= ExternalAuthorizer.ShortestTimeout && read <= ExternalAuthorizer.LongestTimeout ? null : $"'{text}' is not within 1ms..30s");
    }

    private static string? Prefix(string text) => text.Length <= LongestPrefix && text.StartsWith('/') && !text.EndsWith('/') && !text.AsSpan().ContainsAnyExceptInRange('!', '~') && !text.AsSpan().ContainsAny('?', '#')
        ? null : $"must begin with '/', not end with it, and be at most {LongestPrefix} characters of printable ASCII without '?' and '#'";
}
