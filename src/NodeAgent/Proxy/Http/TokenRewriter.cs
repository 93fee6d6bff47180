using System.Buffers;
using Culvert.Core;
using Culvert.Http2;

namespace Culvert.NodeAgent.Proxy.Http;

/// <summary>Makes of a request with a token, or without, what its server gets: a list of its own, so that the request as it came can be asked about, and sent, again. Used for one after the other; belongs to its loop's thread.</summary>
internal sealed class TokenRewriter
{
    private readonly HeaderList _changed = new();
    private HeaderList? _source;
    private TokenPlace? _hidden;

    /// <summary>The header in which the token stood that the server of the last request does not get; null: there is none.</summary>
    internal string? HiddenHeader => _hidden?.Name;

    /// <summary>That token.</summary>
    internal ReadOnlySpan<byte> Hidden => _hidden is { } place ? _source![place.Field].Value.Slice(place.Start, place.Length) : default;

    /// <summary>Writes one.</summary>
    /// <param name="authentication">What is said about tokens.</param>
    /// <param name="fields">Shows the fields of <paramref name="request"/>.</param>
    /// <param name="request">The request.</param>
    /// <param name="token">Its token; null: it has none.</param>
    /// <returns>The request itself when nothing is changed; else a list that is valid until the next call.</returns>
    internal HeaderList Rewrite(RequestAuthenticator authentication, IRequestFields fields, HeaderList request, VerifiedJwt? token)
    {
        bool isHidden = authentication.TryFindHidden(fields, token, out TokenPlace place);
        (_source, _hidden) = (request, isHidden && !place.IsParameter ? place : null);
        if (!isHidden && token is null or { Headers.Count: 0 } && !HasAny(authentication, request)) return request;
        _changed.Clear();
        for (int i = 0; i < request.Count; i++)
        {
            HeaderView field = request[i];
            if (authentication.IsTakenAway(field.Name)) continue;
            if (!isHidden || i != place.Field) _changed.Add(field.Name, field.Value, field.NeverIndexed);
            else if (place.IsParameter) AddWithout(place.Name, field.Value);
        }

        for (int i = 0; i < (token?.Headers.Count ?? 0); i++) _changed.Add(token!.Headers[i].Name, token.Headers[i].Value);
        return _changed;
    }

    /// <summary>Removes from trailers what nobody has looked at: some servers take them for headers (RFC 9110, section 6.5.1).</summary>
    /// <param name="authentication">What is said about tokens.</param>
    /// <param name="trailers">The trailers of a request.</param>
    internal static void Clean(RequestAuthenticator authentication, HeaderList trailers)
    {
        for (int i = 0; i < trailers.Count;)
        {
            ReadOnlySpan<byte> name = trailers[i].Name;
            if (authentication.IsTakenAway(name) || authentication.IsHeaderOfTokens(name)) trailers.Remove(name);
            else i++;
        }
    }

    private static bool HasAny(RequestAuthenticator authentication, HeaderList request)
    {
        for (int i = 0; i < request.Count; i++)
        {
            if (authentication.IsTakenAway(request[i].Name)) return true;
        }

        return false;
    }

    private void AddWithout(string parameter, ReadOnlySpan<byte> target)
    {
        byte[] room = ArrayPool<byte>.Shared.Rent(target.Length);
        _changed.Add(":path"u8, room.AsSpan(0, QueryParameters.WriteWithout(target, parameter, room)));
        ArrayPool<byte>.Shared.Return(room);
    }
}
