using System.Globalization;
using System.Text;
using Culvert.Core;
using Culvert.Http2;

namespace Culvert.NodeAgent.Proxy.Http.Routing;

/// <summary>What browsers ask about pages of other origins, and are told (CORS; https://fetch.spec.whatwg.org, section 3.3).</summary>
internal static class CorsHeaders
{
    private const string All = "*";

    private static readonly byte[] AnyOrigin = "*"u8.ToArray();

    /// <summary>Whether a request is a preflight: a browser's question before the request itself.</summary>
    internal static bool IsPreflight(HeaderList request) =>
        request.Method.SequenceEqual("OPTIONS"u8) && request.TryGet("origin"u8, out _) && request.TryGet("access-control-request-method"u8, out _);

    /// <summary>Whose pages may see the response, as it says that; null: nobody's, or only those of its own origin.</summary>
    /// <param name="cors">What the route allows.</param>
    /// <param name="request">The request.</param>
    internal static byte[]? AllowedOrigin(HttpCors cors, HeaderList request)
    {
        if (cors.IsForAll) return AnyOrigin; // also where nobody asks, so that who keeps the response can give it to all
        return request.TryGet("origin"u8, out ReadOnlySpan<byte> origin) && cors.Allows(origin) ? origin.ToArray() : null;
    }

    /// <summary>The answer to a preflight: of an origin that may not ask without a word of what it may.</summary>
    /// <param name="request">The preflight.</param>
    /// <param name="direction">What was found for it.</param>
    /// <param name="now">When.</param>
    internal static HeaderList AnswerPreflight(HeaderList request, in RequestDirection direction, DateTimeOffset now)
    {
        HttpCors cors = direction.Hit!.Rule.Filters.Cors!;
        HeaderList answer = new();
        answer.AddStatus(204)
            .AddDate(now)
            .Add("vary"u8, "origin, access-control-request-method, access-control-request-headers"u8);
        if (direction.AllowedOrigin is not { } origin) return answer;
        AddOrigin(answer, cors, origin);
        AddAllowed(answer, "access-control-allow-methods"u8, cors.AllowMethods, request, "access-control-request-method"u8);
        AddAllowed(answer, "access-control-allow-headers"u8, cors.AllowHeaders, request, "access-control-request-headers"u8);
        return answer.Add("access-control-max-age"u8, Encoding.ASCII.GetBytes(cors.MaxAge.ToString(CultureInfo.InvariantCulture)));
    }

    /// <summary>Has a response say what the route says, and not what its server does.</summary>
    /// <param name="response">The response.</param>
    /// <param name="cors">What the route allows.</param>
    /// <param name="origin">Of <see cref="AllowedOrigin"/>.</param>
    internal static void Replace(HeaderList response, HttpCors cors, byte[]? origin)
    {
        response.Remove("access-control-allow-origin"u8);
        response.Remove("access-control-allow-credentials"u8);
        response.Remove("access-control-allow-methods"u8);
        response.Remove("access-control-allow-headers"u8);
        response.Remove("access-control-expose-headers"u8);
        response.Remove("access-control-max-age"u8);
        if (!cors.IsForAll) response.Add("vary"u8, "origin"u8); // also beside others of its server
        if (origin is null) return;
        AddOrigin(response, cors, origin);
        if (!cors.ExposeHeaders.IsEmpty) Add(response, "access-control-expose-headers"u8, cors.ExposeHeaders);
    }

    private static void AddOrigin(HeaderList response, HttpCors cors, byte[] origin)
    {
        response.Add("access-control-allow-origin"u8, origin);
        if (cors.AllowCredentials) response.Add("access-control-allow-credentials"u8, "true"u8);
    }

    // All is what was asked for: browsers take a star for the name of one where there are credentials, and never for the header authorization.
    private static void AddAllowed(HeaderList answer, ReadOnlySpan<byte> name, EquatableArray<string> allowed, HeaderList request, ReadOnlySpan<byte> asked)
    {
        if (allowed.AsSpan() is not [All])
        {
            if (!allowed.IsEmpty) Add(answer, name, allowed);
            return;
        }

        for (int i = 0; i < request.Count; i++)
        {
            if (request[i].Name.SequenceEqual(asked)) answer.Add(name, request[i].Value);
        }
    }

    private static void Add(HeaderList fields, ReadOnlySpan<byte> name, EquatableArray<string> values) => fields.Add(name, Encoding.ASCII.GetBytes(string.Join(", ", values)));
}
